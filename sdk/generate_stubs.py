"""Compiles protos/ into the SDK's source tree. Generated code is never committed.

Run with `python sdk/generate_stubs.py`; it does nothing when the protos have not changed.
"""

import hashlib
import importlib
import importlib.resources
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
TARGET = ROOT / "sdk" / "src"
STAMP = TARGET / "lumbung" / "openinference" / ".digest"
DESCRIPTORS = TARGET / "lumbung" / "openinference" / "descriptors.binpb"


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for file in files:
        digest.update(str(file.relative_to(ROOT)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def generate() -> bool:
    """Writes `*_pb2.py`, `*_pb2.pyi`, `*_pb2_grpc.py` and one descriptor set; returns whether it had to."""
    from grpc_tools import protoc  # noqa: PLC0415 (heavy, and not needed when nothing changed)

    files = sorted(PROTOS.rglob("*.proto"))
    digest = _digest(files)
    if STAMP.exists() and STAMP.read_text() == digest:
        return False
    for stale in (*TARGET.rglob("*_pb2.py"), *TARGET.rglob("*_pb2.pyi"), *TARGET.rglob("*_pb2_grpc.py")):
        stale.unlink()
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    google_apis = Path(next(iter(importlib.import_module("google.api").__path__))).parent.parent
    DESCRIPTORS.parent.mkdir(parents=True, exist_ok=True)
    arguments = [
        "protoc",
        f"--proto_path={PROTOS}",
        f"--proto_path={google_apis}",
        f"--proto_path={well_known}",
        f"--python_out={TARGET}",
        f"--pyi_out={TARGET}",
        f"--grpc_python_out={TARGET}",
        f"--descriptor_set_out={DESCRIPTORS}",
        "--include_imports",
        "--include_source_info",
        *(str(file.relative_to(PROTOS)) for file in files),
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed; its messages are above")
    for file in files:
        (TARGET / file.relative_to(PROTOS)).parent.joinpath("__init__.py").touch()
    STAMP.write_text(digest)
    return True


if __name__ == "__main__":
    sys.stdout.write("stubs generated\n" if generate() else "stubs are up to date\n")
