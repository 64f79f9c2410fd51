"""Serving, without a cluster."""

import asyncio
from datetime import UTC, datetime

import pytest

from inference_service.clients.ports import PredictionProbe
from inference_service.domain.model import ModelVersion, Signature
from inference_service.domain.names import ModelRef, VersionRef
from inference_service.errors import (
    DeployFailedError,
    DeployTimeoutError,
    ModelNotServedError,
    ServingUnavailableError,
    VersionNotFoundError,
)
from inference_service.executor.port import ServingExecutor
from inference_service.service.deployments import DeploymentService
from inference_service.storage.memory import MemoryRegistryStore
from servicekit.auth import Principal
from servicekit.errors import Text

CALLER = Principal("s", "ilmuwan-pusat", frozenset({"scientist"}))


class _Cluster(ServingExecutor, PredictionProbe):
    """Serves what it is told, but for the versions that are broken or slow."""

    def __init__(self):
        self.served = {}
        self.broken = set()
        self.slow = set()
        self.down = 0
        self.orders = 0
        self.nodes = self.nodes_ordered = 1

    async def apply(self, versions):
        if self.down:
            self.down -= 1
            raise ServingUnavailableError(Text(en="down", id="mati"))
        self.orders += 1
        self.nodes_ordered = self.nodes
        wanted = {version.ref.model: version.ref for version in versions}
        self.served = {
            model: ref if ref not in self.broken | self.slow else self.served.get(model)
            for model, ref in wanted.items()
        }

    async def fits(self):
        return self.nodes == self.nodes_ordered

    async def alive(self):
        return self.orders > 0

    async def ready(self, ref):
        return self.served.get(ref.model) == ref

    async def serves(self, model):
        return self.served.get(model) is not None

    async def failure(self, ref):
        return f"{ref} does not load" if ref in self.broken else None


@pytest.fixture
async def store():
    store = MemoryRegistryStore()
    for file in "ab":
        await store.register_model_version(
            ModelVersion(
                VersionRef("m", 1), "", Signature((), ()), (), {}, file * 64, 1, file, "x", datetime.now(UTC)
            )
        )
    return store


@pytest.fixture
def cluster():
    return _Cluster()


@pytest.fixture
def service(store, cluster):
    return DeploymentService(store, cluster, cluster, deploy_seconds=1.5)


ONE, TWO = VersionRef("m", 1), VersionRef("m", 2)


async def test_deploy_returns_when_the_version_answers(service, cluster):
    served = await service.deploy_model_version(CALLER, ONE)
    assert (served.ready, served.deployment.deployer) == (True, "ilmuwan-pusat")
    await service.deploy_model_version(CALLER, TWO)
    assert cluster.served == {"m": TWO}
    assert [(s.deployment.ref, s.ready) for s in await service.list_deployments()] == [(TWO, True)]


async def test_an_unknown_version(service, cluster):
    with pytest.raises(VersionNotFoundError):
        await service.deploy_model_version(CALLER, VersionRef("m", 9))
    assert cluster.orders == 0


@pytest.mark.parametrize(("fault", "error"), [("broken", DeployFailedError), ("slow", DeployTimeoutError)])
async def test_a_version_that_does_not_answer_leaves_the_one_before(service, cluster, store, fault, error):
    await service.deploy_model_version(CALLER, ONE)
    getattr(cluster, fault).add(TWO)
    with pytest.raises(error) as caught:
        await service.deploy_model_version(CALLER, TWO)
    assert caught.value.remedy is not None
    assert cluster.served == {"m": ONE}
    assert [deployment.ref for deployment in await store.list_deployments()] == [ONE]


async def test_a_first_version_that_does_not_load_is_not_kept(service, cluster, store):
    cluster.broken.add(ONE)
    with pytest.raises(DeployFailedError):
        await service.deploy_model_version(CALLER, ONE)
    assert await store.list_deployments() == []
    assert cluster.served == {}


async def test_a_cluster_that_is_starting_is_waited_for(service, cluster):
    cluster.down = 1
    assert (await service.deploy_model_version(CALLER, ONE)).ready


async def test_a_cluster_that_stays_away(service, cluster, store):
    cluster.down = 99
    with pytest.raises(ServingUnavailableError):
        await service.deploy_model_version(CALLER, ONE)
    assert await store.list_deployments() == []


async def test_undeploy(service, cluster):
    await service.deploy_model_version(CALLER, ONE)
    await service.undeploy_model(ModelRef("m"))
    assert cluster.served == {}
    with pytest.raises(ModelNotServedError):
        await service.undeploy_model(ModelRef("m"))


async def test_the_loop_brings_back_what_is_lost(service, cluster):
    await service.deploy_model_version(CALLER, ONE)
    cluster.served = {}
    loop = asyncio.create_task(service.reconcile_forever(0.01))
    try:
        async with asyncio.timeout(5):
            while cluster.served != {"m": ONE}:  # noqa: ASYNC110 (the loop under test signals nothing)
                await asyncio.sleep(0.01)
    finally:
        loop.cancel()
    orders = cluster.orders
    await asyncio.sleep(0.1)
    assert cluster.orders == orders


async def test_the_loop_begins_with_an_order_and_then_leaves_what_answers_alone(service, cluster):
    """Replicas that answer may run with the code of an earlier service; Serve replaces only those."""
    await service.deploy_model_version(CALLER, ONE)
    orders = cluster.orders
    loop = asyncio.create_task(service.reconcile_forever(0.01))
    await asyncio.sleep(0.3)
    loop.cancel()
    assert cluster.orders == orders + 1
