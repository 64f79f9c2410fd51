"""Rules that look at more than one row: repeated keys, and aggregates over groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ingest_service.domain.contract import Contract, Let, Rule
from ingest_service.engine.job import PartFile
from ingest_service.engine.keyhashes import KeyHashes
from ingest_service.engine.messages import NOTHING
from ingest_service.engine.plan import ROW, Check, Plan, broken_by
from ingest_service.engine.rownumbers import RowNumbers

__all__ = ["KEY_RULE", "SetFindings", "find_in_sets", "key_hash", "set_checks", "set_flag"]

KEY_RULE = "key_repeated"
_POSITION = "__position"


@dataclass(frozen=True, slots=True)
class SetFindings:
    """`rows`: `__row`, one flag per rule, the values of its lets. `removed`: positions in the parts, true where an
    error was found.
    """

    rows: pl.DataFrame
    removed: pl.Series


def set_flag(rule: str) -> str:
    """Name of the flag of a rule."""
    return f"__set:{rule}"


def key_hash(contract: Contract) -> pl.Expr:
    """A 64-bit hash of the key."""
    return pl.struct(contract.key_columns).hash(seed=17)


def find_in_sets(
    contract: Contract, parts: Sequence[PartFile], row_numbers: RowNumbers, hashes: KeyHashes | None
) -> SetFindings:
    """Applies steps 4 and 5 of the contract to the staged rows; `row_numbers` and `hashes` go with their positions."""
    removed = pl.repeat(value=False, n=len(row_numbers), eager=True, dtype=pl.Boolean)
    found: list[pl.DataFrame] = []
    if hashes is not None and (suspects := hashes.suspects()).len():
        repeated = _repeated(contract, parts, suspects)
        if repeated.len():
            removed = removed.scatter(repeated, True)
            found.append(
                pl.DataFrame({ROW: row_numbers.gather(repeated)}).with_columns(
                    pl.lit(value=True).alias(set_flag(KEY_RULE))
                )
            )
    rules = [rule for rule in contract.rules if rule.let]
    if rules and parts:
        # All rules with lets speak about the same rows: what one of them removes, the others have seen.
        for rule, flagged in zip(rules, _over_groups(rules, parts, removed), strict=True):
            positions = flagged[_POSITION]
            if rule.severity != "warning" and positions.len():
                removed = removed.scatter(positions, True)
            rows = row_numbers.gather(positions).alias(ROW)
            found.append(flagged.drop(_POSITION).with_columns(rows))
    if not found:
        return SetFindings(pl.DataFrame(schema={ROW: pl.Int64()}), removed)
    return SetFindings(pl.concat(found, how="diagonal").sort(ROW), removed)


def set_checks(plan: Plan) -> list[Check]:
    """The checks over rows that `find_in_sets` flagged, joined with their lets."""
    contract = plan.contract
    keys = contract.key_columns
    shown_key = pl.concat_str(
        [pl.col(key).cast(pl.String).fill_null(NOTHING) for key in keys], separator=", "
    )
    named = ", ".join(f"{key} {{{key}}}" for key in keys)
    checks: list[Check] = []
    if keys:
        checks.append(
            Check(
                KEY_RULE,
                "error",
                keys[0] if len(keys) == 1 else "",
                _flagged(KEY_RULE),
                shown_key,
                f"The key {named} occurs more than once.",
                f"Kunci {named} muncul lebih dari sekali.",
                "Keep the right row and leave out the others.",
                "Sisakan baris yang benar dan hapus yang lain.",
            )
        )
    checks += [_set_rule(plan, rule) for rule in contract.rules if rule.let]
    return checks


def _set_rule(plan: Plan, rule: Rule) -> Check:
    return Check(
        rule.id,
        rule.severity,
        rule.column or "",
        _flagged(rule.id),
        plan.shown(rule.column),
        _own_lets(rule.message.en, rule),
        _own_lets(rule.message.id, rule),
        _own_lets(rule.remedy.en, rule),
        _own_lets(rule.remedy.id, rule),
    )


def _flagged(rule: str) -> pl.Expr:
    return pl.col(set_flag(rule)).fill_null(value=False)


def _own_lets(template: str, rule: Rule) -> str:
    for name in rule.let:
        template = template.replace(f"{{{name}}}", f"{{{_let(rule, name)}}}")
    return template


def _let(rule: Rule, name: str) -> str:
    """Two rules may use one name for different lets."""
    return f"__let_{rule.id}_{name}"


def _repeated(contract: Contract, parts: Sequence[PartFile], suspects: pl.Series) -> pl.Series:
    """Positions of rows with a repeated key, as the contract counts them, among those with equal hashes."""
    keys = (
        _staged(parts)
        .select(*contract.key_columns, _POSITION)
        .join(pl.LazyFrame({_POSITION: suspects}), on=_POSITION, how="semi")
        .sort(_POSITION)
        .collect()
    )
    which = pl.struct(contract.key_columns)
    repeated = ~which.is_first_distinct() if contract.key.on_repeat == "keep_first" else which.is_duplicated()
    return keys.filter(repeated)[_POSITION]


def _staged(parts: Sequence[PartFile]) -> pl.LazyFrame:
    frame = pl.scan_parquet([part.path for part in parts], glob=False)
    return frame.with_row_index(_POSITION).cast({_POSITION: pl.Int64})


def _over_groups(rules: Sequence[Rule], parts: Sequence[PartFile], removed: pl.Series) -> list[pl.DataFrame]:
    """Per rule the rows that break it: position, the rule's flag, its lets."""
    frame = _staged(parts)
    if removed.any():
        gone = pl.LazyFrame({_POSITION: removed.arg_true().cast(pl.Int64)})
        frame = frame.join(gone, on=_POSITION, how="anti")
    queries = []
    for rule in rules:
        lets = {name: _aggregate(let) for name, let in rule.let.items()}
        renamed = [pl.col(name).alias(_let(rule, name)) for name in lets]
        flag = pl.lit(value=True).alias(set_flag(rule.id))
        queries.append(frame.with_columns(**lets).filter(broken_by(rule)).select(_POSITION, flag, *renamed))
    return pl.collect_all(queries)


def _aggregate(let: Let) -> pl.Expr:
    aggregate = pl.sql_expr(let.agg)
    return aggregate.over(let.by) if let.by else aggregate
