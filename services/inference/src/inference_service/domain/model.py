"""What the registry knows of a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from inference_service.domain.names import VersionRef
from inference_service.errors import SignatureError
from servicekit.errors import Text

__all__ = ["Deployment", "ModelVersion", "Signature", "TensorSpec", "VersionDraft", "check_signature"]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output: `datatype` as the Open Inference Protocol writes it, -1 for a free length."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.datatype}{list(self.shape)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs, in the file's order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True)
class VersionDraft:
    """What the sender says of a new version; an empty signature leaves it to the file."""

    model: str
    description: str = ""
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    training_snapshots: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """An immutable version. `object_key` is where the file lies in the object store; sizes in bytes, times UTC."""

    ref: VersionRef
    description: str
    signature: Signature
    training_snapshots: tuple[str, ...]
    metrics: Mapping[str, float]
    sha256: str
    size_bytes: int
    object_key: str
    creator: str
    create_time: datetime
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Which version of a model should be served, who decided it and when (UTC)."""

    ref: VersionRef
    deployer: str
    create_time: datetime


def check_signature(draft: VersionDraft, actual: Signature) -> None:
    """Holds the declared signature against the file's own. What was not declared is not compared.

    Raises:
        SignatureError: names the first tensor that differs.
    """
    for side, declared, real in (
        ("inputs", draft.inputs, actual.inputs),
        ("outputs", draft.outputs, actual.outputs),
    ):
        if declared:
            _compare(side, declared, real)


def _compare(side: str, declared: Sequence[TensorSpec], real: Sequence[TensorSpec]) -> None:
    by_name = {spec.name: spec for spec in real}
    for spec in declared:
        found = by_name.pop(spec.name, None)
        if found != spec:
            raise _mismatch(side, str(spec), "nothing of that name" if found is None else str(found), real)
    if by_name:
        raise _mismatch(side, "nothing", str(next(iter(by_name.values()))), real)


def _mismatch(side: str, declared: str, found: str, real: Sequence[TensorSpec]) -> SignatureError:
    whole = ", ".join(str(spec) for spec in real)
    return SignatureError(
        Text(
            en=f"{side}: declared {declared}, the file has {found}.",
            id=f"{side}: dinyatakan {declared}, berkas berisi {found}.",
        ),
        Text(
            en=f"Declare what the file has ({whole}), or leave {side} out.",
            id=f"Nyatakan sesuai isi berkas ({whole}), atau kosongkan {side}.",
        ),
        field=f"model_version.{side}",
    )
