"""Drafts of contracts."""

# mypy: disable-error-code="no-any-return"
# A stub gives Any; what an operation says that it returns is what the proto says.

import os
from collections.abc import Iterator
from pathlib import Path

from lumbung.calls import Awaiting, Blocking, Call, Operation, Work, operation
from lumbung.ingest.v1 import contract_service_pb2 as pb
from lumbung.ingest.v1 import contract_service_pb2_grpc as pb_grpc
from lumbung.repeating import retrying

__all__ = ["AsyncContracts", "Contracts"]

# As much of a file as is sent; what is longer is cut, which only a text bears.
MOST_BYTES = 32 * 1024 * 1024
BLOCK_BYTES = 2 * 1024 * 1024
PROPOSE_SECONDS = 900.0
_contracts = pb_grpc.ContractServiceStub


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES)


class _Contracts:
    @operation
    def propose(self, path: str | os.PathLike[str], dataset: str) -> Operation[pb.ProposeContractResponse]:
        """A declaration for `dataset` drafted from a file, with what it leaves open.

        The first 32 MiB are sent: of a longer text the draft is made from these, another longer file is refused.
        """
        file = Path(path)
        data = yield Work(lambda: _beginning(file))
        cut = len(data) < file.stat().st_size

        def requests() -> Iterator[pb.ProposeContractRequest]:
            for start in range(0, max(len(data), 1), BLOCK_BYTES):
                yield pb.ProposeContractRequest(
                    file_name="" if start else file.name,
                    dataset="" if start else f"datasets/{dataset}",
                    cut=cut and not start,
                    data=data[start : start + BLOCK_BYTES],
                )

        return (yield from retrying(Call(_contracts, "ProposeContract", requests, PROPOSE_SECONDS)))


class Contracts(_Contracts, Blocking):
    """Drafts contracts from files."""


class AsyncContracts(_Contracts, Awaiting):
    """`Contracts`, to be awaited."""
