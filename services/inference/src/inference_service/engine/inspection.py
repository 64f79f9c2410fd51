"""The inspection process: `python -m inference_service.engine.inspection FILE MEMORY_BYTES` prints one JSON document."""

import dataclasses
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any, NoReturn

from inference_service.domain.model import Signature
from inference_service.engine.onnxfile import check_file
from inference_service.engine.session import OnnxSession
from inference_service.errors import ModelFileError
from servicekit.errors import Text

__all__ = ["inspect_file", "main"]

CPU_SECONDS = 60


def inspect_file(content: bytes) -> Signature:
    """Checks the file, loads it once, and holds the loaded signature against the file's.

    Raises:
        ModelFileError: the file may not be registered.
    """
    signature = check_file(content)
    loaded = OnnxSession(content).signature
    if loaded != signature:
        raise ModelFileError(
            Text(
                en="ONNX Runtime reads another signature than the file states.",
                id="ONNX Runtime membaca tanda tangan yang berbeda dari isi berkas.",
            ),
            Text(en="Export the model again.", id="Ekspor ulang model."),
            field="data",
            reason="SIGNATURE_UNSUPPORTED",
        )
    return signature


def main(arguments: list[str]) -> NoReturn:
    """Writes the signature, or why the file is refused, to standard output."""
    limit = int(arguments[1])
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    document: dict[str, Any]
    try:
        document = dataclasses.asdict(inspect_file(Path(arguments[0]).read_bytes()))
    except ModelFileError as error:
        document = {
            "error": {
                "message": dataclasses.asdict(error.message),
                "remedy": dataclasses.asdict(error.remedy) if error.remedy else None,
                "reason": error.stable_reason,
            }
        }
    sys.stdout.write(json.dumps(document))
    sys.stdout.flush()
    # Not through the interpreter's own end: ONNX Runtime's threads may crash there, after the answer is given.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
