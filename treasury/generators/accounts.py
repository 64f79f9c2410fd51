"""Accounts of the generated tables: code, name, and each part's usual share of the sum above it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Branch:
    """A sum account and its parts; shares need not add up to one, they are normalised."""

    code: str
    name: str
    parts: tuple[tuple[str, str, float], ...]


REVENUE = ("APBD.REV.TOTAL", "Pendapatan")
EXPENDITURE = ("APBD.EXP.TOTAL", "Belanja")
FINANCING = ("APBD.FIN.TOTAL", "Pembiayaan")

REVENUE_BRANCHES = (
    Branch(
        "APBD.REV.OWN.SUM",
        "PAD",
        (
            ("APBD.REV.OWN.TAX", "Pajak daerah", 0.55),
            ("APBD.REV.OWN.RET", "Retribusi daerah", 0.1),
            ("APBD.REV.OWN.ASS", "Hasil pengelolaan kekayaan daerah yang dipisahkan", 0.08),
            ("APBD.REV.OWN.OTH", "Lain-lain PAD yang sah", 0.27),
        ),
    ),
    Branch(
        "APBD.REV.TRA.SUM",
        "Daper",
        (
            ("APBD.REV.TRA.DBH", "Dana bagi hasil pajak/bagi hasil bukan pajak", 0.2),
            ("APBD.REV.TRA.DAU", "Dana alokasi umum", 0.68),
            ("APBD.REV.TRA.DAK", "Dana alokasi khusus", 0.12),
        ),
    ),
    Branch(
        "APBD.REV.OTH.SUM",
        "Lain-lain pendapatan daerah yang sah",
        (
            ("APBD.REV.OTH.GRA", "Hibah", 0.08),
            ("APBD.REV.OTH.DBH", "Dana bagi hasil pajak dari Propinsi dan Pemda lainnya", 0.3),
            ("APBD.REV.OTH.DEC", "Dana penyesuaian dan otonomi khusus", 0.5),
            ("APBD.REV.OTH.GOV", "Bantuan keuangan dari Propinsi atau Pemda lainnya", 0.12),
        ),
    ),
)
EXPENDITURE_BRANCHES = (
    Branch(
        "APBD.EXP.IND.SUM",
        "Belanja Tidak Langsung",
        (
            ("APBD.EXP.IND.CIV", "Belanja Pegawai", 0.75),
            ("APBD.EXP.IND.GRA", "Belanja Hibah", 0.07),
            ("APBD.EXP.IND.SOC", "Belanja Bantuan sosial", 0.04),
            ("APBD.EXP.IND.FIN", "Belanja Bantuan keuangan kpd Prop/Kab/Kota dan Pemdes", 0.13),
            ("APBD.EXP.IND.ACC", "Belanja tidak terduga", 0.01),
        ),
    ),
    Branch(
        "APBD.EXP.DIR.SUM",
        "Belanja Langsung",
        (
            ("APBD.EXP.DIR.CIV", "Belanja Pegawai", 0.1),
            ("APBD.EXP.DIR.GDS", "Belanja Barang dan Jasa", 0.42),
            ("APBD.EXP.DIR.CAP", "Belanja Modal", 0.48),
        ),
    ),
)
FINANCING_BRANCHES = (
    Branch(
        "APBD.FIN.REV.SUM",
        "Penerimaan",
        (
            ("APBD.FIN.REV.REM", "SiLPA TA sebelumnya", 0.96),
            ("APBD.FIN.REV.LEN", "Penerimaan Kembali Pemberian Pinjaman", 0.04),
        ),
    ),
    Branch(
        "APBD.FIN.EXP.SUM",
        "Pengeluaran",
        (
            ("APBD.FIN.EXP.CAP", "Penyertaan Modal (Investasi) Daerah", 0.6),
            ("APBD.FIN.EXP.DEB", "Pembayaran Pokok Utang", 0.4),
        ),
    ),
)
TRANSFERS = (
    ("TKDD.TOTAL", "Total Transfer ke daerah dan Dana Desa"),
    ("TKDD.TOTAL", "Transfer ke Daerah"),
    ("TKDD.DAU.SUM", "DAU"),
    ("TKDD.DES.SUM", "Dana Desa"),
)
"""What the portal shows for a year before the region existed; one code comes twice."""
