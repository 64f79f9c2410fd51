"""Resource names, parsed in one place: `models/{model}/versions/{version}`."""

import re
from dataclasses import dataclass

from inference_service.errors import MalformedNameError
from servicekit.errors import Text

__all__ = ["ANY", "ModelRef", "VersionRef", "parse_model", "parse_snapshot", "parse_version"]

ANY = "-"
_ID = r"[a-z][a-z0-9_]{0,62}"
_MODEL = re.compile(rf"models/({_ID})")
_VERSION = re.compile(rf"models/({_ID})/versions/([1-9][0-9]{{0,8}})")
_SNAPSHOT = re.compile(rf"datasets/({_ID})/snapshots/([0-9]{{1,20}})")


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model; `model` is `-` where all models are meant."""

    model: str

    def __str__(self) -> str:
        return f"models/{self.model}"


@dataclass(frozen=True, slots=True, order=True)
class VersionRef:
    """A version of a model; versions count from 1."""

    model: str
    version: int

    def __str__(self) -> str:
        return f"models/{self.model}/versions/{self.version}"


def _malformed(value: str, shape: str, field: str) -> MalformedNameError:
    return MalformedNameError(
        Text(
            en=f"{value[:200]!r} is not a name of the form {shape}.",
            id=f"{value[:200]!r} bukan nama berbentuk {shape}.",
        ),
        Text(
            en="Ids are lower-case letters, digits and underscores, begin with a letter and have at most 63 characters.",
            id="Id terdiri atas huruf kecil, angka, dan garis bawah, diawali huruf, paling panjang 63 karakter.",
        ),
        field=field,
    )


def parse_model(name: str, *, field: str, wildcard: bool = False) -> ModelRef:
    """Reads `models/{model}`, with `wildcard` also `models/-`.

    Raises:
        MalformedNameError: it is something else.
    """
    if wildcard and name == "models/-":
        return ModelRef(ANY)
    match = _MODEL.fullmatch(name)
    if match is None:
        raise _malformed(name, "models/{model}", field)
    return ModelRef(match[1])


def parse_version(name: str, *, field: str) -> VersionRef:
    """Reads `models/{model}/versions/{version}`.

    Raises:
        MalformedNameError: it is something else.
    """
    match = _VERSION.fullmatch(name)
    if match is None:
        raise _malformed(name, "models/{model}/versions/{version}", field)
    return VersionRef(match[1], int(match[2]))


def parse_snapshot(name: str, *, field: str) -> tuple[str, str]:
    """Reads `datasets/{dataset}/snapshots/{snapshot}` into its two ids.

    Raises:
        MalformedNameError: it is something else.
    """
    match = _SNAPSHOT.fullmatch(name)
    if match is None:
        raise _malformed(name, "datasets/{dataset}/snapshots/{snapshot}", field)
    return match[1], match[2]
