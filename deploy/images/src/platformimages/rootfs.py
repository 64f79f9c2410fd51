"""The base image: Debian 12 with Python 3.11, certificates, time zones and a plain shell; no package manager.

The shell is there for `initdb` and for Ray, which start their own programs by it; nothing of ours needs one.
"""

import platform
import shutil
import tempfile
from pathlib import Path

from platformimages.commands import debian_program, run

__all__ = ["write"]

_SUITE = "bookworm"
_DEBS = (
    "base-files",
    "ca-certificates",
    "dash",
    "libc-bin",
    "libstdc++6",
    "media-types",
    "python3",
    "tzdata",
)
_REMOVED = (
    "usr/share/doc*",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bash-completion",
    "usr/share/perl*",
    "usr/share/bug",
    "usr/share/menu",
    "usr/share/info",
    "usr/share/debconf",
    "usr/share/debianutils",
    "usr/share/dpkg",
    "usr/share/pixmaps",
    "usr/share/polkit-1",
    "usr/share/applications",
    "usr/share/binfmts",
    "usr/share/gdb",
    "usr/libexec",
    "usr/lib/mime",
    "usr/share/pam*",
    "usr/lib/python3.11/test",
    "usr/lib/python3.11/idlelib",
    "usr/lib/python3.11/lib2to3",
    "usr/lib/python3.11/turtledemo",
    "usr/lib/python3.11/pydoc_data",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/x86_64-linux-gnu/perl*",
    "usr/bin/*perl*",
    "usr/bin/dpkg*",
    "usr/bin/deb*",
    "usr/bin/apt*",
    "usr/sbin/*",
    "sbin/*",
    "lib/systemd",
    "var/lib/apt",
    "var/lib/dpkg/info",
    "var/cache",
    "var/log",
    "etc/apt",
    "etc/dpkg",
    "etc/debconf.conf",
    "etc/alternatives",
    "etc/rmt",
    # mmdebstrap copies these from the machine that builds.
    "etc/hostname",
    "etc/resolv.conf",
    "etc/fstab",
    "etc/cron*",
    "etc/logrotate.d",
    "dev",
    "proc",
    "sys",
    "boot",
    "media",
    "mnt",
    "srv",
    "home",
)
_SHELL_PROGRAMS = ("dash", "sh")
# The names of what was unpacked, one file per package, where scanners look for them in images without dpkg.
_HOOK = """#!/bin/sh
set -eu
mkdir -p "$1/var/lib/dpkg/status.d"
for deb in "$1"/var/cache/apt/archives/*.deb; do
  name=$(dpkg-deb -f "$deb" Package)
  dpkg-deb -f "$deb" > "$1/var/lib/dpkg/status.d/$name"
  dpkg-deb --fsys-tarfile "$deb" | tar -t | grep -v '/$' > "$1/var/lib/dpkg/status.d/$name.files"
done
"""
_USERS = """root:x:0:0:root:/:/bin/false
nobody:x:65534:65534:nobody:/:/bin/false
lumbung:x:10001:10001:lumbung:/tmp:/bin/false
"""
_GROUPS = """root:x:0:
nogroup:x:65534:
lumbung:x:10001:
"""


def write(target: Path) -> None:
    """Unpacks the packages below `target` and removes what a running container does not read."""
    with tempfile.TemporaryDirectory() as work:
        hook = Path(work, "hook")
        hook.write_text(_HOOK)
        hook.chmod(0o755)
        archive = Path(work, "root.tar")
        command = [debian_program("mmdebstrap"), "--quiet", "--variant=extract"]
        command += [f"--extract-hook={hook}", f"--include={','.join(_DEBS)}", _SUITE, str(archive)]
        run([*command, *_sources()])
        # Devices are the container runtime's, and a container may not make any.
        run(
            [
                "tar",
                "--extract",
                f"--file={archive}",
                f"--directory={target}",
                "--no-same-owner",
                "--exclude=./dev/*",
            ]
        )
    for pattern in _REMOVED:
        for path in sorted(target.glob(pattern)):
            _remove(path)
    for folder in ("bin", "usr/bin"):
        # Of the essential packages only the shell and Python stay.
        for path in sorted((target / folder).iterdir()):
            if path.name not in _SHELL_PROGRAMS and not path.name.startswith("python3"):
                _remove(path)
    _forget_removed(target)
    certificates = sorted((target / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    (target / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    (target / "etc/ssl/certs/ca-certificates.crt").write_text(
        "".join(path.read_text(encoding="ascii") for path in certificates)
    )
    (target / "etc/passwd").write_text(_USERS)
    (target / "etc/group").write_text(_GROUPS)
    for name in ("tmp", "app", "proc", "sys", "dev", "etc/lumbung", "var/lib/lumbung"):
        (target / name).mkdir(parents=True, exist_ok=True)


def _forget_removed(target: Path) -> None:
    """Packages of which no file is left are not in the image (what others of them needed to be configured)."""
    for listing in sorted((target / "var/lib/dpkg/status.d").glob("*.files")):
        if not any(_is_there(target / name) for name in listing.read_text().split("\n") if name):
            listing.with_name(listing.name.removesuffix(".files")).unlink()
        listing.unlink()


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _sources() -> list[str]:
    """This machine's own package sources where it is the same Debian, else Debian's default."""
    release = platform.freedesktop_os_release()
    if (release.get("ID"), release.get("VERSION_CODENAME")) != ("debian", _SUITE):
        return []
    files = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d/debian.sources"))
    return [str(path) for path in files if path.exists() and path.stat().st_size]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
