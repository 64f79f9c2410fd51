"""One search for an RPC's name finds what answers it: servicer, use case, store and test.

The search is that of docs/explanation/way-of-a-request.md: whole words, any case, `_` between words or not.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROTOS = ROOT / "protos" / "lumbung"
RPC = re.compile(r"^\s*rpc\s+(\w+)\s*\(", re.MULTILINE)
# Ports say what is needed and the stores in memory are for tests: who looks for the store looks for none of them.
NOT_THE_STORE = {"ports.py", "port.py", "store.py", "memory.py", "memory"}


@dataclass(frozen=True)
class Files:
    """Files of the repository that the search may find, with their texts by path."""

    texts: dict[Path, str]

    def found(self, rpc):
        searched = pattern(rpc)
        return [path for path, text in self.texts.items() if searched.search(text)]

    def have_call(self, rpc):
        """Whether one names the RPC as it is called; a use case or a store alone has its name in small letters."""
        return any(re.search(rf"\b{rpc}\b", text) for text in self.texts.values())


def pattern(rpc):
    return re.compile(rf"\b{re.sub(r'(?<!^)(?=[A-Z])', '_?', rpc)}\b", re.IGNORECASE)


def read(folder):
    return Files({path.relative_to(ROOT): path.read_text() for path in sorted(folder.rglob("*.py"))})


def layer_of(path):
    """Which of the four a file of a service is; None for the others."""
    parts = path.parts[4:]  # services/<name>/src/<package>/
    if parts[0] in {"servicer", "servicer.py"}:
        return "servicer"
    if parts[0] == "service":
        return "use case"
    if parts[0] in {"storage", "engine", "executor"} and NOT_THE_STORE.isdisjoint(parts):
        return "store"
    return None


def rpcs(package):
    texts = [path.read_text() for path in sorted((PROTOS / package).rglob("*.proto"))]
    return [name for text in texts for name in RPC.findall(text)]


SERVICES = [folder.parent.name for folder in sorted(PROTOS.glob("*/v1")) if rpcs(folder.parent.name)]


@pytest.fixture(scope="module")
def tests():
    own = Path(__file__).relative_to(ROOT)
    return Files({path: text for path, text in read(ROOT / "tests").texts.items() if path != own})


def test_the_protos_are_read():
    assert SERVICES == ["catalog", "compute", "inference", "ingest"]
    assert {"ApplyDataset", "RunQuery"} <= {rpc for service in SERVICES for rpc in rpcs(service)}
    assert len(rpcs("openinference")) == 6


def test_a_name_is_found_in_either_form_and_only_as_a_whole():
    assert all(pattern("GetRun").search(text) for text in ("rpc GetRun(", "store.get_run(", "# getrun"))
    assert not any(pattern("GetRun").search(text) for text in ("GetRunRequest", "get_runs", "_get_run"))


@pytest.mark.parametrize("service", SERVICES)
def test_one_search_finds_all_that_answers_an_rpc(service, tests):
    files = read(ROOT / "services" / service / "src")
    lacking = {}
    for rpc in rpcs(service):
        found = {layer_of(path) for path in files.found(rpc)} | ({"test"} if tests.have_call(rpc) else set())
        if missing := [layer for layer in ("servicer", "use case", "store", "test") if layer not in found]:
            lacking[rpc] = missing
    assert not lacking, f"not found by a search for the RPC's name: {lacking}"


def test_one_search_finds_all_that_answers_the_prediction_protocol(tests):
    """The replica has no store; what is asked of the server itself is answered at its doors."""
    replica = read(ROOT / "services" / "inference" / "src" / "inference_service" / "replica")
    lacking = {}
    for rpc in rpcs("openinference"):
        found = {path.name for path in replica.found(rpc)}
        missing = [door for door in ("grpc_door.py", "rest.py") if door not in found]
        if rpc.startswith("Model") and not found & {"models.py", "predict.py"}:
            missing.append("models.py or predict.py")
        if not tests.have_call(rpc):
            missing.append("test")
        if missing:
            lacking[rpc] = missing
    assert not lacking, f"not found by a search for the RPC's name: {lacking}"
