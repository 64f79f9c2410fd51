"""How nodes of Ray are started, and how replicas find a port of their own."""

import socket
from pathlib import Path

import pytest
from pydantic import ValidationError

from inference_service.ray_head import head_command
from inference_service.ray_node import cluster_environment, node_command
from inference_service.ray_process import node_environment
from inference_service.replica.grpc_door import GrpcDoor
from inference_service.replica.http_door import HttpDoor
from inference_service.replica.settings import ListenSettings, ReplicaLimits
from inference_service.settings import RaySettings

TOKEN = Path("/token")
FOLDER = Path("/ray")
SEVERAL = {
    "token_path": TOKEN,
    "replica_settings_path": Path("/replica.json"),
    "loopback": False,
    "workers": "workers",
    "listen": {"ports": 4},
    "report": {"service": {"target": "inference:18073"}},
}


def _ports(command):
    options = dict(option.removeprefix("--").split("=", 1) for option in command if "=" in option)
    return {name: int(value) for name, value in options.items() if name == "port" or name.endswith("-port")}


def test_every_port_of_a_node_is_fixed():
    head = _ports(node_command("head", "10.0.0.1", 18000, "", FOLDER))
    worker = _ports(node_command("worker", "10.0.0.2", 18000, "head:18030", FOLDER))
    assert head == worker | {"port": 18030, "dashboard-port": 18037}
    assert head == _ports(head_command(18000, FOLDER)), "as on a laptop"
    assert set(worker.values()) == {*range(18031, 18037), 18100, 18199}


def test_a_worker_is_told_the_head_by_its_name():
    command = node_command("worker", "10.0.0.2", 18000, "head:18030", FOLDER)
    assert {"--address=head:18030", "--node-ip-address=10.0.0.2"} <= set(command)
    assert "--head" not in command


def test_only_a_head_keeps_a_state_and_only_for_its_own_ray():
    assert not any("gcs_storage" in name for name in cluster_environment(TOKEN, None))
    kept = cluster_environment(TOKEN, Path("/state"))
    assert kept["RAY_gcs_storage"] == "rocksdb"
    assert Path(kept["RAY_gcs_storage_path"]).parent == Path("/state")
    assert node_environment(TOKEN).items() <= kept.items()
    assert kept["RAY_AUTH_MODE"] == "token"


@pytest.mark.parametrize("change", [{"loopback": True}, {"listen": {}}, {"report": None}])
def test_several_nodes_need_all_that_makes_them_findable(change):
    RaySettings(**SEVERAL)
    with pytest.raises(ValidationError, match="with workers"):
        RaySettings(**(SEVERAL | change))


@pytest.fixture
def taken():
    """A range of three ports of which another program has the first."""
    while True:
        first = socket.socket()
        first.bind(("127.0.0.1", 0))
        first.listen()
        port = first.getsockname()[1]
        rest = [socket.socket(), socket.socket()]
        try:
            for offset, probe in enumerate(rest, 1):
                probe.bind(("127.0.0.1", port + offset))
        except OSError:
            first.close()
            continue
        finally:
            for probe in rest:
                probe.close()
        yield port
        first.close()
        return


@pytest.mark.parametrize(
    "door", [lambda: GrpcDoor(None, None, ReplicaLimits()), lambda: HttpDoor(None, ReplicaLimits())]
)
async def test_a_replica_takes_the_first_port_that_is_free(taken, door):
    listen = ListenSettings(grpc_port=taken, http_port=taken, ports=3)
    doors = [door(), door()]
    assert [await each.open(listen) for each in doors] == [taken + 1, taken + 2]
    with pytest.raises(OSError, match=rf"{taken} to {taken + 2}"):
        await door().open(listen)
    for each in doors:
        await each.close()
