"""The national table as the portal writes it: semicolons, dots between thousands, a comma before decimals, a percent sign."""

import polars as pl


def national_csv(truth: pl.DataFrame) -> str:
    """Sum of the true figures by year and account, in the order of the accounts, header included."""
    sums = truth.group_by("year", "account_code", "account", maintain_order=True).agg(
        pl.col("budget").sum(), pl.col("realisation").sum()
    )
    lines = ["Akun;Anggaran;Realisasi;%;Tipe;Tahun"]
    for year in sorted(sums["year"].unique().to_list()):
        lines += [
            f"{row['account']};{grouped(row['budget'])};{grouped(row['realisation'])};"
            f"{percent(row['realisation'], row['budget'])};BUATAN;{year}"
            for row in sums.filter(pl.col("year") == year).iter_rows(named=True)
        ]
    return "\n".join(lines) + "\n"


def grouped(amount: int) -> str:
    """1234567 as 1.234.567."""
    return f"{amount:,}".replace(",", ".")


def percent(part: int, whole: int) -> str:
    """Two decimals and a sign, 111,36 %; a dash where there is no whole."""
    if whole == 0:
        return "-"
    hundredths = round(part * 10_000 / whole)
    return f"{grouped(hundredths // 100)},{hundredths % 100:02d} %"
