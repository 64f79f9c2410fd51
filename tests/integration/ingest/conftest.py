"""The real service with real PostgreSQL and S3, a catalog in memory behind the real protos, and a client."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import grpc
import psycopg
import pytest

from ingest_service.app import start
from ingest_service.settings import IngestSettings
from lake import Lake, LakeSettings
from lumbung.ingest.v1 import submission_service_pb2 as submission_pb
from lumbung.ingest.v1 import submission_service_pb2_grpc as submission_grpc
from lumbung.ingest.v1 import upload_service_pb2 as upload_pb
from lumbung.ingest.v1 import upload_service_pb2_grpc as upload_grpc

from support.catalog import FakeCatalog
from support.ports import free_port
from support.signin import SignIn, run_signin
from support.sources import Ledger, MariadbLedger, Runs, host_settings

# Where nothing more happens by itself.
FINAL = {
    submission_pb.Submission.STATE_PUBLISHED,
    submission_pb.Submission.STATE_SUPERSEDED,
    submission_pb.Submission.STATE_REJECTED,
    submission_pb.Submission.STATE_FAILED,
    submission_pb.Submission.STATE_VALIDATED,
    submission_pb.Submission.STATE_REVERTED,
    submission_pb.Submission.STATE_WITHDRAWN,
}


@pytest.fixture(scope="session")
def signin() -> Iterator[SignIn]:
    with run_signin("svc-ingest") as running:
        yield running


def stores_of(postgres_server, s3_server):
    """Settings of a fresh database for the service, one for the lake, and a bucket."""

    def section(database):
        return {
            "host": database.host,
            "port": database.port,
            "database": database.database,
            "user": database.user,
            "password": database.password,
        }

    own, tables = postgres_server.create_database("ingest"), postgres_server.create_database("lake")
    s3 = {
        "endpoint": s3_server.endpoint,
        "access_key": s3_server.access_key,
        "secret_key": s3_server.secret_key,
        "bucket": s3_server.create_bucket(),
    }
    return {"postgres": section(own), "lake": {"postgres": section(tables), "s3": s3}, "dsn": own.dsn}


@pytest.fixture(scope="module")
def stores(postgres_server, s3_server):
    return stores_of(postgres_server, s3_server)


@pytest.fixture
def lake(stores) -> Iterator[Lake]:
    with Lake.open(LakeSettings.model_validate(stores["lake"])) as opened:
        yield opened


@pytest.fixture
async def catalog() -> AsyncIterator[FakeCatalog]:
    fake = FakeCatalog()
    server = await fake.start()
    yield fake
    await server.stop(0)


def settings_for(stores, signin, catalog, tmp_path, **changes) -> IngestSettings:
    sections = {
        "listen": {"port": free_port(), "metrics_port": free_port(), "stop_grace_seconds": 0},
        "auth": {"issuer": signin.issuer, "jwks_url": signin.jwks_url},
        "identity": {"token_url": signin.token_url, "client_id": "svc-ingest", "client_secret": "x"},
        "postgres": stores["postgres"],
        "lake": stores["lake"],
        "catalog": {"target": catalog.target},
        "validation": {"work_dir": str(tmp_path / "work")},
        "jobs": {"heartbeat_seconds": 1, "stalled_seconds": 4, "housekeeping_seconds": 1, "concurrency": 2},
    }
    return IngestSettings.model_validate(sections | changes)


@dataclass
class Client:
    """Speaks to the service as one user."""

    channel: grpc.aio.Channel
    token: str
    language: str = "en"

    @property
    def metadata(self):
        return (("authorization", f"Bearer {self.token}"), ("accept-language", self.language))

    @property
    def uploads(self):
        return upload_grpc.UploadServiceStub(self.channel)

    @property
    def submissions(self):
        return submission_grpc.SubmissionServiceStub(self.channel)

    async def create(
        self, dataset: str, size: int, name: str = "berkas.csv", request_id: str = "", correction_of: str = ""
    ):
        upload = upload_pb.Upload(
            dataset=f"datasets/{dataset}", file_name=name, size_bytes=size, correction_of=correction_of
        )
        request = upload_pb.CreateUploadRequest(upload=upload, request_id=request_id)
        return await self.uploads.CreateUpload(request, metadata=self.metadata)

    async def write(self, name: str, content: bytes, offset: int = 0, chunk: int = 65536):
        async def chunks():
            for at in range(0, len(content), chunk):
                data = content[at : at + chunk]
                yield upload_pb.WriteUploadRequest(
                    name=name, offset=offset + at, data=data, crc32c=google_crc32c.value(data)
                )

        return await self.uploads.WriteUpload(chunks(), metadata=self.metadata)

    async def finish(self, name: str, content: bytes):
        request = upload_pb.FinishUploadRequest(name=name, crc32c=google_crc32c.value(content))
        return await self.uploads.FinishUpload(request, metadata=self.metadata)

    async def send(self, dataset: str, content: bytes, name: str = "berkas.csv", *, correction_of: str = ""):
        """Uploads a file whole and waits until its submission needs somebody, or has ended."""
        upload = await self.create(dataset, len(content), name, correction_of=correction_of)
        await self.write(upload.name, content, chunk=4 * 2**20)
        return await self.wait((await self.finish(upload.name, content)).name)

    async def get(self, name: str):
        request = submission_pb.GetSubmissionRequest(name=name)
        return await self.submissions.GetSubmission(request, metadata=self.metadata)

    async def wait(self, name: str, seconds: float = 60):
        async with asyncio.timeout(seconds):
            while (found := await self.get(name)).state not in FINAL:  # noqa: ASYNC110 - over the network
                await asyncio.sleep(0.1)
        return found

    async def certify(self, submission, **changes):
        """Certifies what a submission says, but for `changes`, and waits."""
        wanted = {
            "content_digest": submission.content_digest,
            "control_totals": dict(submission.control_totals),
        }
        request = submission_pb.CertifySubmissionRequest(name=submission.name, **(wanted | changes))
        await self.submissions.CertifySubmission(request, metadata=self.metadata)
        return await self.wait(submission.name)

    async def revert(self, name: str, request_id: str = ""):
        """Takes a publication back and waits."""
        request = submission_pb.RevertSubmissionRequest(
            name=name, reason="angka salah", request_id=request_id
        )
        await self.submissions.RevertSubmission(request, metadata=self.metadata)
        return await self.wait(name)

    async def steps(self, name: str):
        """What was done with a submission."""
        request = submission_pb.ListStepsRequest(parent=name)
        return (await self.submissions.ListSteps(request, metadata=self.metadata)).steps

    async def download(self, method: str, request) -> tuple[str, bytes]:
        """Media type and content of a download."""
        pieces = [piece async for piece in getattr(self.submissions, method)(request, metadata=self.metadata)]
        return pieces[0].content_type, b"".join(piece.data for piece in pieces)

    async def findings(self, name: str, size: int = 0, token: str = ""):
        request = submission_pb.ListFindingsRequest(parent=name, page_size=size, page_token=token)
        return await self.submissions.ListFindings(request, metadata=self.metadata)


@dataclass
class Service:
    """The running service."""

    settings: IngestSettings
    channel: grpc.aio.Channel
    signin: SignIn
    dsn: str

    def client(self, username="kontributor-pusat", *roles, language="en") -> Client:
        token = self.signin.token(username, *(roles or ("contributor",)), office="pusat")
        return Client(self.channel, token, language)

    def sql(self, query, values=()):
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query, values).fetchall()


@pytest.fixture
async def service(stores, signin, catalog, tmp_path: Path) -> AsyncIterator[Service]:
    settings = settings_for(stores, signin, catalog, tmp_path)
    stoppers = await start(settings)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel:
        yield Service(settings, channel, signin, stores["dsn"])
    for stop in stoppers:
        await stop()


def declaration(name: str, mode: str = "append", **changes: str) -> str:
    """A small dataset with numbers as Indonesians write them."""
    by = "by: [year], " if mode == "replace" else ""
    publish = f"{{mode: {mode}, {by}certify: {changes.get('certify', 'none')}}}"
    form = changes.get("form", '{type: csv, delimiter: ";"}')
    rules = changes.get("rules", "[]")
    return f"""
kind: Dataset
name: {name}
display_name: {{id: Anggaran, en: Budget}}
description: {{id: Anggaran uji, en: Budget for tests}}
owner: steward-pusat
tags: [intake]
contract:
  version: 1
  format: {form}
  columns:
    - {{name: region_code, source: Kode, type: code, pad: 4, key: true, pattern: "[1-9][0-9]{{3}}"}}
    - {{name: year, source: Tahun, type: integer, key: true}}
    - {{name: budget, source: Anggaran, type: "decimal(20,2)", required: true, style: {{decimal: ",", group: "."}}}}
  provenance: {{row: source_row, submission: submission}}
  rules: {rules}
  control_totals:
    - {{id: budget, sum: budget, by: [year]}}
  publish: {publish}
{changes.get("more", "")}
"""


@pytest.fixture(params=["postgresql", "mariadb"])
def ledger(request, postgres_server):
    if request.param == "postgresql":
        made = Ledger(postgres_server.create_database("source"))
        made.driver = "postgresql"
    else:
        server = request.getfixturevalue("mariadb_server")
        made = MariadbLedger(server, server.create_database())
        made.driver = "mariadb"
    return made.create()


@pytest.fixture
async def runs(stores, signin, catalog, tmp_path, ledger):
    settings = settings_for(stores, signin, catalog, tmp_path, sources=host_settings(ledger.database))
    stoppers = await start(settings)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.listen.port}") as channel:
        yield Runs(channel, signin.token("engineer-pusat", "engineer", office="pusat"))
    for stop in stoppers:
        await stop()
