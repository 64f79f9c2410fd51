"""Governments of the generated tables: the 34 provinces by code and name, regencies and cities with made-up names."""

from dataclasses import dataclass

PROVINCES = {
    "11": "Aceh",
    "12": "Sumatera Utara",
    "13": "Sumatera Barat",
    "14": "Riau",
    "15": "Jambi",
    "16": "Sumatera Selatan",
    "17": "Bengkulu",
    "18": "Lampung",
    "19": "Bangka Belitung",
    "21": "Kepulauan Riau",
    "31": "DKI Jakarta",
    "32": "Jawa Barat",
    "33": "Jawa Tengah",
    "34": "DI Yogyakarta",
    "35": "Jawa Timur",
    "36": "Banten",
    "51": "Bali",
    "52": "NTB",
    "53": "NTT",
    "61": "Kalimantan Barat",
    "62": "Kalimantan Tengah",
    "63": "Kalimantan Selatan",
    "64": "Kalimantan Timur",
    "65": "Kalimantan Utara",
    "71": "Sulawesi Utara",
    "72": "Sulawesi Tengah",
    "73": "Sulawesi Selatan",
    "74": "Sulawesi Tenggara",
    "75": "Gorontalo",
    "76": "Sulawesi Barat",
    "81": "Maluku",
    "82": "Maluku Utara",
    "91": "Papua Barat",
    "94": "Papua",
}
"""Code of the statistics office → name, from 2012 to 2022."""


@dataclass(frozen=True)
class Region:
    """A government: four-digit code, province code and name, and its size beside a typical regency."""

    code: int
    province_code: int
    province: str
    name: str
    size: float


def regions() -> tuple[Region, ...]:
    """136 governments: per province its own, two regencies and a city. The second regency is small, for planted defects."""
    found = []
    for code, province in PROVINCES.items():
        base, number = int(code) * 100, int(code)
        found += [
            Region(base, number, province, f"Prov. {province}", 4.0),
            Region(base + 1, number, province, f"Kab. Contoh {province} 1", 1.2),
            Region(base + 2, number, province, f"Kab. Contoh {province} 2", 0.2),
            Region(base + 71, number, province, f"Kota Contoh {province}", 1.0),
        ]
    return tuple(found)
