"""Frames between the service and a query's process: kind (1 byte), length (4 bytes, big endian), content.

The service sends JSON; the process answers JSON and pieces of an Arrow IPC stream.
"""

import json
import struct
from typing import Any

__all__ = ["ARROW", "HEADER", "JSON", "MAX_CHUNK", "MAX_FRAME", "header", "json_frame"]

HEADER = struct.Struct("!cI")
JSON = b"J"
ARROW = b"A"
#: Arrow goes out in pieces of at most so many bytes.
MAX_CHUNK = 1024 * 1024
MAX_FRAME = 4 * 1024 * 1024


def header(kind: bytes, length: int) -> bytes:
    """The five bytes in front of a frame."""
    return HEADER.pack(kind, length)


def json_frame(document: dict[str, Any]) -> bytes:
    """A document as one frame."""
    content = json.dumps(document).encode()
    return header(JSON, len(content)) + content
