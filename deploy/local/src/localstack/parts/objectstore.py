"""The lake's S3: SeaweedFS, or MinIO where LUMBUNG_S3_PROGRAM says so."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from minio import Minio
from minio.error import S3Error
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from localstack.errors import NotReadyError, StackError
from localstack.lakebucket import ACCESS_KEY, REGION
from localstack.layout import Layout
from localstack.part import Launch, Part
from localstack.parts import miniostore, seaweedfs
from localstack.settings import StackSettings
from localstack.storesetup import prepare_store
from localstack.vault import Vault


@dataclass(frozen=True)
class _Program:
    """What differs: `folder` is below the stack's data, `metrics_port` a name of the port plan."""

    title: str
    folder: str
    launch: Callable[[StackSettings, Path], Launch]
    ports: tuple[str, ...]
    metrics_port: str
    metrics_path: str


_PROGRAMS = {
    "seaweedfs": _Program(
        "S3 (SeaweedFS)", "s3", seaweedfs.seaweedfs_launch, seaweedfs.PORTS, "seaweed_metrics", "/metrics"
    ),
    "minio": _Program(
        "S3 (MinIO)", "minio", miniostore.minio_launch, miniostore.PORTS, "s3", miniostore.METRICS_PATH
    ),
}


def s3_part(settings: StackSettings) -> Part:
    """The lake's object store; it is refused when its conditional puts let more than one writer win."""
    store, program = ObjectStore(settings), _PROGRAMS[settings.s3_program]
    return Part(
        name="s3",
        title=program.title,
        launch=store.launch,
        probe=store.probe,
        setup=store.prepare,
        setup_again=False,
        ports=tuple(settings.ports[name] for name in program.ports),
        metrics_url=f"{settings.ports.url(program.metrics_port)}{program.metrics_path}",
        metrics_kind=settings.s3_program,
        urls={"s3": settings.ports.url("s3")},
    )


class ObjectStore:
    """Starts and questions the stack's S3."""

    def __init__(self, settings: StackSettings) -> None:
        self._layout = Layout(settings.data_dir)
        self._vault = Vault(self._layout.secrets)
        self._settings = settings
        self._passed = False

    def launch(self) -> Launch:
        """Say how to run the store; StackError when the lake's data is another program's."""
        program = _PROGRAMS[self._settings.s3_program]
        data = self._layout.data / program.folder
        if not data.exists():
            self._refuse_other_data()
        data.mkdir(mode=0o700, exist_ok=True)
        return program.launch(self._settings, data)

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

    def _refuse_other_data(self) -> None:
        # The tables' catalog in PostgreSQL names files that only the other program has.
        for name, program in _PROGRAMS.items():
            if (self._layout.data / program.folder).exists():
                raise StackError(
                    f"the lake in {self._layout.root} is kept by {name}, not by {self._settings.s3_program}: "
                    f"set LUMBUNG_S3_PROGRAM={name}, or begin anew with `make reset`"
                )

    def _client(self) -> Minio:
        pool = PoolManager(retries=Retry(total=0), timeout=Timeout(connect=2.0, read=10.0), maxsize=1)
        return Minio(
            self._settings.ports.address("s3"),
            access_key=ACCESS_KEY,
            secret_key=self._vault.read("s3-secret-key"),
            region=REGION,
            secure=False,
            http_client=pool,
        )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
