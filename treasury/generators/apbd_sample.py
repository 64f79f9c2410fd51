"""Generated local-government budgets for machines without the real tables.

    python -m treasury.generators.apbd_sample --output sample/

Everything is drawn from a seeded generator; no figure is real. The tables have the shape of the portal's (same columns,
number styles and kinds of defects), so that the contracts, the pipeline and the forecast run unchanged. The national
table is the sum of the true figures; the panel is what a scrape makes of them, with the defects counted in `planted`.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from treasury.generators.defects import damage, reported
from treasury.generators.national import national_csv
from treasury.generators.regions import PROVINCES
from treasury.generators.truth import true_panel

NOTICE = "Data buatan, bukan angka sebenarnya. Generated data, no figure is real. Seed {seed}.\n"


@dataclass(frozen=True)
class Sample:
    """The three files' content and what is wrong with the panel.

    panel: columns Akun, Alokasi, Realisasi (double), Tipe ("BUATAN"), Tahun, Provinsi, Kabupaten, Provcode, Persen,
    Akuncode, bpscode, dagricode. planted: findings by rule id of the panel's contract.
    """

    seed: int
    panel: pl.DataFrame
    national_csv: str
    province_csv: str
    planted: dict[str, int]


def generate(seed: int = 2010) -> Sample:
    """The same seed gives the same sample."""
    rng = np.random.default_rng(seed)
    truth = true_panel(rng)
    damaged, planted = damage(truth)
    panel = damaged.select(
        pl.col("account").alias("Akun"),
        pl.col("budget").alias("Alokasi"),
        pl.col("realisation").alias("Realisasi"),
        pl.lit("BUATAN").alias("Tipe"),
        pl.col("year").cast(pl.Int32).alias("Tahun"),
        pl.col("province").alias("Provinsi"),
        pl.col("region").alias("Kabupaten"),
        pl.col("province_code").cast(pl.Int32).alias("Provcode"),
        pl.when(pl.col("budget") > 0).then(pl.col("realisation") / pl.col("budget") * 100).alias("Persen"),
        pl.col("account_code").alias("Akuncode"),
        pl.col("region_code").cast(pl.Int32).alias("bpscode"),
        pl.format(
            "{}.{}", pl.col("province_code"), (pl.col("region_code") % 100).cast(pl.String).str.zfill(2)
        ).alias("dagricode"),
    )
    provinces = "pcode,bpscode,prov\n" + "".join(
        f"{row},{code},{name}\n" for row, (code, name) in enumerate(PROVINCES.items(), start=1)
    )
    return Sample(seed, panel, national_csv(reported(truth)), provinces, planted)


def write(sample: Sample, folder: Path) -> None:
    """Writes the files under the names of the real ones, and GENERATED.txt, which says what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    sample.panel.write_parquet(folder / "apbd_kabkota_2010_2017.parquet")
    (folder / "apbd_nasional_2010_2017_idnum.csv").write_text(sample.national_csv, encoding="utf-8")
    (folder / "provcode.csv").write_text(sample.province_csv, encoding="utf-8")
    (folder / "GENERATED.txt").write_text(NOTICE.format(seed=sample.seed), encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Write generated budget tables.")
    parser.add_argument("--output", type=Path, required=True, help="folder for the files")
    parser.add_argument("--seed", type=int, default=2010)
    arguments = parser.parse_args()
    sample = generate(arguments.seed)
    write(sample, arguments.output)
    print(f"{arguments.output}: {sample.panel.height} rows, generated (seed {sample.seed})")


if __name__ == "__main__":
    main()
