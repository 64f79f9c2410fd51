"""What the steps do, in Polars. Every kernel is lazy and deterministic: no result depends on partitions or order."""

from collections.abc import Sequence

import polars as pl

from compute_service.domain.pipeline import Aggregate, Join, Measure, Rows
from compute_service.errors import RunFailedError
from servicekit.errors import Text

__all__ = ["aggregate", "combine", "join", "rows", "step_failure"]

# A decimal of at most 28 digits cannot pass 38 digits in fewer than 10^10 rows.
_SAFE_PRECISION = 28
_LIMIT = 1e38
_GUARD = "__sum_"


def rows(frame: pl.LazyFrame, step: Rows) -> pl.LazyFrame:
    """Filter, added or replaced columns, selection; all columns see those of `from`."""
    _need(frame, step.id, [])
    if step.where is not None:
        frame = frame.filter(pl.sql_expr(step.where))
    if step.columns:
        frame = frame.with_columns(**{name: pl.sql_expr(text) for name, text in step.columns.items()})
    if step.select is not None:
        _need(frame, step.id, step.select)
        frame = frame.select(step.select)
    return frame


def aggregate(frame: pl.LazyFrame, step: Aggregate) -> pl.DataFrame:
    """Partial results of one part: to be put together by `combine`."""
    wanted = [measure.column for measure in step.measures if measure.column != "*"]
    _need(frame, step.id, [*step.by, *wanted])
    return _grouped(frame, step, step.measures)


def combine(parts: pl.LazyFrame, step: Aggregate) -> pl.DataFrame:
    """Partial results put together, sorted by `by`."""
    again = [
        Measure(measure.name, "sum" if measure.function == "count" else measure.function, measure.name)
        for measure in step.measures
    ]
    counts = [measure.name for measure in step.measures if measure.function == "count"]
    result = _grouped(parts, step, again).with_columns(pl.col(name).fill_null(0) for name in counts)
    return result.sort(step.by, nulls_last=False) if step.by else result


def _grouped(frame: pl.LazyFrame, step: Aggregate, measures: Sequence[Measure]) -> pl.DataFrame:
    schema = frame.collect_schema()
    expressions: list[pl.Expr] = []
    guards: list[str] = []
    for measure in measures:
        if measure.function == "count":
            counted = pl.len() if measure.column == "*" else pl.col(measure.column).count()
            expressions.append(counted.cast(pl.Int64).alias(measure.name))
            continue
        column = pl.col(measure.column)
        if measure.function != "sum":
            expressions.append(getattr(column, measure.function)().alias(measure.name))
            continue
        kind = schema[measure.column]
        if not (kind.is_decimal() or kind.is_integer() or kind == pl.Null):
            raise step_failure(
                step.id,
                f"sum of {measure.column}, which is {kind}; only whole numbers and decimals have exact sums",
                f"sum atas {measure.column} bertipe {kind}; hanya bilangan bulat dan desimal yang jumlahnya tepat",
            )
        # An empty sum is null, as in SQL; whole numbers are added in 128 bits and must fit 64 again.
        total = column.sum() if kind.is_decimal() else column.cast(pl.Int128).sum().cast(pl.Int64)
        expressions.append(pl.when(column.count() > 0).then(total).alias(measure.name))
        if isinstance(kind, pl.Decimal) and kind.precision > _SAFE_PRECISION:
            # A grouped decimal sum wraps around silently: a sum in floating point tells.
            guards.append(measure.name)
            expressions.append(
                (column.cast(pl.Float64).abs().sum() / 10.0**-kind.scale).alias(_GUARD + measure.name)
            )
    grouped = frame.group_by(step.by).agg(expressions) if step.by else frame.select(expressions)
    return _guarded(grouped.collect(engine="streaming"), step.id, {_GUARD + name for name in guards})


def _guarded(batch: pl.DataFrame, step: str, guards: set[str]) -> pl.DataFrame:
    for name in guards:
        highest = batch[name].max()
        if isinstance(highest, float) and highest >= _LIMIT:
            column = name.removeprefix(_GUARD)
            raise step_failure(
                step, f"{column}: a sum has more than 38 digits", f"{column}: jumlah melebihi 38 angka"
            )
    return batch.drop(guards)


def join(left: pl.DataFrame, right: pl.DataFrame, step: Join) -> pl.DataFrame:
    """Left and right by keys; keys are coalesced, null matches nothing; rows in the left's order, then the right's."""
    _need(left.lazy(), step.id, step.keys)
    _need(right.lazy(), step.id, [*step.keys, *step.right_columns.values()])
    if taken := [name for name in step.right_columns if name in left.columns]:
        raise step_failure(
            step.id, f"right_columns: {taken[0]} is a column of {step.left} already",
            f"right_columns: {taken[0]} sudah menjadi kolom {step.left}",
        )  # fmt: skip
    for key in step.keys:
        if left.schema[key] != right.schema[key]:
            raise step_failure(
                step.id, f"key {key} is {left.schema[key]} on the left and {right.schema[key]} on the right",
                f"kunci {key} bertipe {left.schema[key]} di kiri dan {right.schema[key]} di kanan",
            )  # fmt: skip
    _unique(right, step, step.right)
    if step.validate == "1:1":
        _unique(left, step, step.left)
    chosen = right.select(
        *step.keys, *[pl.col(column).alias(name) for name, column in step.right_columns.items()]
    )
    return left.join(
        chosen,
        on=list(step.keys),
        how=step.how,  # type: ignore[arg-type]
        coalesce=True,
        nulls_equal=False,
        maintain_order="left_right",
    )


def _unique(frame: pl.DataFrame, step: Join, side: str) -> None:
    whole = frame.select(step.keys).drop_nulls()
    repeated = whole.filter(whole.is_duplicated())
    if repeated.height:
        first = ", ".join(f"{key}={value}" for key, value in repeated.row(0, named=True).items())
        raise step_failure(
            step.id,
            f"the key {first} stands more than once in {side}",
            f"kunci {first} muncul lebih dari sekali pada {side}",
        )


def _need(frame: pl.LazyFrame, step: str, columns: Sequence[str]) -> None:
    have = frame.collect_schema().names()
    for column in columns:
        if column not in have:
            raise step_failure(
                step,
                f"there is no column {column} (there are {', '.join(have)})",
                f"tidak ada kolom {column} (yang ada {', '.join(have)})",
            )


def step_failure(step: str, en: str, indonesian: str) -> RunFailedError:
    """The failure of a step, which repeating it does not mend."""
    return RunFailedError(
        Text(en=f"Step {step}: {en}.", id=f"Langkah {step}: {indonesian}."),
        Text(en="Correct the pipeline or its data.", id="Perbaiki pipeline atau datanya."),
        metadata={"step": step},
    )
