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


def check_required(request: Any) -> None:
    """Checks one request.

    Numbers without presence cannot be told from absent ones; the use cases check those.

    Raises:
        InvalidArgumentError: names the first required field that is missing.
    """
    present = {field.name for field, _value in request.ListFields()}
    for name in _required_fields(request.DESCRIPTOR):
        if name not in present:
            message = request.DESCRIPTOR.name
            raise InvalidArgumentError(
                Text(en=f"{message} lacks the field {name}.", id=f"{message} tidak berisi kolom {name}."),
                Text(en=f"Fill in {name} and send it again.", id=f"Isi {name} lalu kirim lagi."),
                field=name,
                reason="FIELD_MISSING",
            )
