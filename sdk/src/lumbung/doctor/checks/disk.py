"""On a laptop: is there room?"""

import shutil
from collections.abc import Iterator

from lumbung.doctor.finding import Finding
from lumbung.doctor.site import Site

__all__ = ["check_disk"]

_GIB = 2**30
# The object store takes no more below 1 GiB.
_LEAST = 2 * _GIB


def check_disk(site: Site) -> Iterator[Finding]:
    """Less free than the stores need."""
    if site.stack is None:
        return
    folder = site.stack["data_dir"]
    free = shutil.disk_usage(folder).free
    if free < _LEAST:
        yield Finding(
            "disk_full",
            folder,
            (
                f"Only {free / _GIB:.1f} GiB are free; the object store refuses writes below 1 GiB.",
                f"Hanya {free / _GIB:.1f} GiB kosong; penyimpanan objek menolak penulisan di bawah 1 GiB.",
            ),
            (
                "Make room, or set LUMBUNG_DATA_DIR to another disk.",
                "Kosongkan ruang, atau atur LUMBUNG_DATA_DIR ke cakram lain.",
            ),
        )
