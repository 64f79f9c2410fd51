"""Holds requests against their own descriptors: a REQUIRED field (AIP-203) has to be there."""

from functools import lru_cache
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor

from servicekit.errors import InvalidArgumentError, Text

__all__ = ["check_required"]


@lru_cache(maxsize=1024)
def _required_fields(descriptor: Descriptor) -> tuple[str, ...]:
    """Names of required fields that have presence or are text, bytes or lists."""
    names = []
    for field in descriptor.fields:
        behaviours = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
        checkable = field.has_presence or field.is_repeated or field.cpp_type == field.CPPTYPE_STRING
        if field_behavior_pb2.REQUIRED in behaviours and checkable:
            names.append(field.name)
    return tuple(names)


def check_required(request: Any, prefix: str = "") -> None:
    """Checks one request and the messages in it, not those in lists.

    Numbers without presence cannot be told from absent ones; the use cases check those.

    Raises:
        InvalidArgumentError: names the first required field that is missing, as `upload.dataset`.
    """
    fields = request.ListFields()
    present = {field.name for field, _value in fields}
    for name in _required_fields(request.DESCRIPTOR):
        if name not in present:
            message, path = request.DESCRIPTOR.name, prefix + name
            raise InvalidArgumentError(
                Text(en=f"{message} lacks the field {path}.", id=f"{message} tidak berisi kolom {path}."),
                Text(en=f"Fill in {path} and send it again.", id=f"Isi {path} lalu kirim lagi."),
                field=path,
                reason="FIELD_MISSING",
            )
    for field, value in fields:
        if field.message_type is not None and not field.is_repeated:
            check_required(value, f"{prefix}{field.name}.")
