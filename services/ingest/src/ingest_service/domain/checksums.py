"""CRC32C (RFC 3720, appendix B.4)."""

import google_crc32c

__all__ = ["extend_crc32c"]


def extend_crc32c(crc: int, data: bytes) -> int:
    """The checksum of bytes whose checksum is `crc`, followed by `data`; 0 begins."""
    return int(google_crc32c.extend(crc, data))
