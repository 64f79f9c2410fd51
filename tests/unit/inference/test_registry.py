"""Registering, without sockets."""

import hashlib

import pytest

from inference_service.clients.ports import LineageRecorder
from inference_service.domain import limits
from inference_service.domain.model import Signature, TensorSpec, VersionDraft
from inference_service.domain.names import ModelRef, parse_model, parse_snapshot, parse_version
from inference_service.engine.inspector import ModelInspector
from inference_service.errors import (
    IdempotencyError,
    MalformedNameError,
    ModelFileError,
    ModelTooLargeError,
    SignatureError,
    UploadOrderError,
)
from inference_service.service.registry import RegistryService
from inference_service.storage.memory import MemoryRegistryStore
from lake import MemoryObjectStore
from servicekit.auth import Principal
from servicekit.errors import InvalidArgumentError, NotFoundError, Text, UnavailableError

CALLER = Principal("s", "ilmuwan-pusat", frozenset({"scientist"}))
SIGNATURE = Signature((TensorSpec("x", "FP32", (-1, 3)),), (TensorSpec("y", "FP32", (-1, 3)),))


class _Inspector(ModelInspector):
    def __init__(self):
        self.seen = []

    async def inspect(self, path):
        self.seen.append(path.read_bytes())
        return SIGNATURE


class _Lineage(LineageRecorder):
    def __init__(self):
        self.edges = []
        self.down = False

    async def check_datasets(self, datasets):
        if "missing" in datasets:
            raise NotFoundError(Text(en="There is no datasets/missing.", id="Tidak ada."))

    async def record_training(self, datasets, ref):
        if self.down:
            raise UnavailableError(Text(en="down", id="mati"))
        self.edges += [(dataset, str(ref)) for dataset in datasets]


class _World:
    def __init__(self):
        self.store = MemoryRegistryStore()
        self.objects = MemoryObjectStore("models")
        self.inspector = _Inspector()
        self.lineage = _Lineage()
        self.service = RegistryService(self.store, self.objects, self.inspector, self.lineage)

    async def register(self, *chunks, **fields):
        async def stream():
            for chunk in chunks:
                yield chunk

        return await self.service.register_model_version(CALLER, VersionDraft("budget", **fields), stream())


@pytest.fixture
def world():
    return _World()


async def test_register_keeps_file_row_and_lineage(world):
    version = await world.register(b"on", b"nx", training_snapshots=("datasets/apbd/snapshots/1",) * 2)
    assert str(version.ref) == "models/budget/versions/1"
    assert version.sha256 == hashlib.sha256(b"onnx").hexdigest()
    assert world.objects.get(version.object_key) == b"onnx"
    assert (version.creator, version.signature, version.size_bytes) == ("ilmuwan-pusat", SIGNATURE, 4)
    assert world.lineage.edges == [("apbd", "models/budget/versions/1")]


async def test_the_same_file_again_is_not_inspected_again(world):
    first = await world.register(b"onnx")
    assert await world.register(b"onnx", description="other words") == first
    assert len(world.inspector.seen) == 1


async def test_a_request_id_with_another_file_is_refused(world):
    first = await world.register(b"onnx", request_id="r")
    assert await world.register(b"onnx", request_id="r") == first
    with pytest.raises(IdempotencyError, match="models/budget/versions/1"):
        await world.register(b"other", request_id="r")


async def test_lineage_that_failed_is_told_when_the_call_is_repeated(world):
    world.lineage.down = True
    with pytest.raises(UnavailableError):
        await world.register(b"onnx", training_snapshots=("datasets/apbd/snapshots/1",))
    world.lineage.down = False
    version = await world.register(b"onnx", training_snapshots=("datasets/apbd/snapshots/1",))
    assert version.ref.version == 1
    assert world.lineage.edges == [("apbd", "models/budget/versions/1")]


async def test_a_file_without_bytes_and_one_with_too_many(world, monkeypatch):
    with pytest.raises(ModelFileError) as caught:
        await world.register()
    assert caught.value.stable_reason == "MODEL_FILE_EMPTY"
    with pytest.raises(UploadOrderError):
        await world.register(b"x" * (limits.MAX_CHUNK_BYTES + 1))
    monkeypatch.setattr(limits, "MAX_MODEL_BYTES", 10)
    with pytest.raises(ModelTooLargeError, match="10 bytes"):
        await world.register(b"x" * 6, b"x" * 6)
    assert world.inspector.seen == []


@pytest.mark.parametrize(
    "declared",
    [
        {"inputs": (TensorSpec("x", "FP64", (-1, 3)),)},
        {"inputs": (TensorSpec("x", "FP32", (-1, 4)),)},
        {"inputs": (TensorSpec("z", "FP32", (-1, 3)),)},
        {"outputs": (*SIGNATURE.outputs, TensorSpec("more", "FP32", (1,)))},
    ],
)
async def test_a_declared_signature_that_is_not_the_files(world, declared):
    with pytest.raises(SignatureError) as caught:
        await world.register(b"onnx", **declared)
    assert caught.value.remedy is not None
    assert world.objects.list_prefix("") == []
    assert (await world.service.list_model_versions(ModelRef("-"), 0, None)).versions == []


async def test_a_training_dataset_that_is_not_there(world):
    with pytest.raises(NotFoundError, match="datasets/missing"):
        await world.register(b"onnx", training_snapshots=("datasets/missing/snapshots/1",))
    assert world.objects.list_prefix("") == []


@pytest.mark.parametrize(
    "fields",
    [
        {"metrics": {"wape": float("nan")}},
        {"metrics": {"": 1.0}},
        {"metrics": {str(n): 1.0 for n in range(51)}},
        {"description": "x" * 4001},
        {"request_id": "x" * 129},
        {"training_snapshots": ("datasets/apbd",)},
    ],
)
async def test_fields_over_their_limits(world, fields):
    with pytest.raises(InvalidArgumentError):
        await world.register(b"onnx", **fields)


async def test_page_size_below_zero(world):
    with pytest.raises(InvalidArgumentError):
        await world.service.list_model_versions(ModelRef("-"), -1, None)


@pytest.mark.parametrize(
    "name", ["", "models/", "models/A", "models/a/b", "models/-", "models/a\n", "models/" + "a" * 64]
)
def test_names_that_are_none(name):
    with pytest.raises(MalformedNameError):
        parse_model(name, field="name")


@pytest.mark.parametrize(
    "name", ["models/a/versions/0", "models/a/versions/01", "models/a/versions/-1", "models/a"]
)
def test_version_names_that_are_none(name):
    with pytest.raises(MalformedNameError):
        parse_version(name, field="name")


def test_names_that_are_good():
    assert str(parse_version("models/a_1/versions/12", field="name")) == "models/a_1/versions/12"
    assert parse_model("models/-", field="parent", wildcard=True).model == "-"
    assert parse_snapshot("datasets/apbd/snapshots/99", field="f") == ("apbd", "99")
