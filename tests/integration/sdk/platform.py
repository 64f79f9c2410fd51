"""A platform in this process: the real stubs and interceptor on loopback, with services that tests can disturb."""

import asyncio
import threading
from collections import Counter

import google_crc32c
import httpx
import pyarrow as pa
from google.api import httpbody_pb2

from lumbung.annotations.v1 import access_pb2
from lumbung.catalog.v1 import dataset_service_pb2, dataset_service_pb2_grpc
from lumbung.compute.v1 import (
    pipeline_service_pb2,
    pipeline_service_pb2_grpc,
    query_service_pb2,
    query_service_pb2_grpc,
)
from lumbung.inference.v1 import model_service_pb2, model_service_pb2_grpc
from lumbung.ingest.v1 import (
    source_service_pb2,
    source_service_pb2_grpc,
    submission_service_pb2,
    submission_service_pb2_grpc,
    upload_service_pb2,
    upload_service_pb2_grpc,
)
from lumbung.openinference import open_inference_pb2, open_inference_pb2_grpc
from servicekit import errors
from servicekit.auth import AccessRules, TokenVerifier
from servicekit.server import CallInterceptor, GrpcServer
from servicekit.settings import AuthSettings, ListenSettings

from support.ports import free_port
from support.tokens import issue, jwks, new_key

ISSUER = "http://issuer.test/realms/lumbung"
ROLES = ["contributor", "certifier", "viewer", "engineer", "scientist", "steward", "admin"]
FINDINGS = 2345
DATASETS = 2100


class _Services(
    upload_service_pb2_grpc.UploadServiceServicer,
    submission_service_pb2_grpc.SubmissionServiceServicer,
    source_service_pb2_grpc.SourceServiceServicer,
    dataset_service_pb2_grpc.DatasetServiceServicer,
    query_service_pb2_grpc.QueryServiceServicer,
    pipeline_service_pb2_grpc.PipelineServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
    open_inference_pb2_grpc.GRPCInferenceServiceServicer,
):
    """Holds everything in memory. Public attributes are for tests to set or to look at."""

    def __init__(self, platform):
        self.platform = platform
        self.calls = Counter()
        self.stored = bytearray()
        self.upload = None
        self.request_ids = []
        self.drop_after = None  # the connection breaks once so many bytes are stored
        self.lie_once = 0  # the first answer claims so many bytes more than are stored
        self.finish_fails = 0
        self.run_fails = 0
        self.table = pa.table({"year": [2010, 2011], "total": [1, 2]})
        self.cut_answer = False
        self.model = None
        self.decided = None  # the last request with which somebody decided something

    async def CreateUpload(self, request, context):
        self.calls["create"] += 1
        self.request_ids.append(request.request_id)
        self.upload = upload_service_pb2.Upload()
        self.upload.CopyFrom(request.upload)
        self.upload.name = "uploads/u1"
        self.upload.state = upload_service_pb2.Upload.STATE_OPEN
        return self._upload(self.lie_once)

    def _upload(self, more=0):
        self.upload.committed_bytes = len(self.stored) + more
        return self.upload

    async def GetUpload(self, request, context):
        self.calls["get_upload"] += 1
        return self._upload()

    async def WriteUpload(self, request_iterator, context):
        self.calls["write"] += 1
        async for chunk in request_iterator:
            if chunk.offset != len(self.stored):
                text = f"{chunk.offset} is not {len(self.stored)}."
                raise errors.FailedPreconditionError(errors.Text(text, text), reason="OFFSET_MISMATCH")
            assert google_crc32c.value(chunk.data) == chunk.crc32c
            self.stored += chunk.data
            if self.drop_after is not None and len(self.stored) >= self.drop_after:
                self.drop_after = None
                self.platform.restart_soon()
                await asyncio.sleep(30)
        return upload_service_pb2.WriteUploadResponse(committed_bytes=len(self.stored))

    async def FinishUpload(self, request, context):
        self.calls["finish"] += 1
        if self.finish_fails:
            self.finish_fails -= 1
            raise errors.UnavailableError(errors.Text("Not now.", "Belum."), retry_after_seconds=0.1)
        assert request.crc32c == google_crc32c.value(bytes(self.stored))
        return self._submission(submission_service_pb2.Submission.STATE_PENDING)

    def _submission(self, state):
        return submission_service_pb2.Submission(
            name="submissions/s1",
            dataset="datasets/apbd",
            file_name="panel.csv",
            state=state,
            content_digest="d1",
            rows_good=2**53 + 1,
            rule_counts=[submission_service_pb2.RuleCount(rule="r", rows=2**60)],
            control_totals={"total": "123456789012345678901234567890.12"},
        )

    async def GetSubmission(self, request, context):
        self.calls["get_submission"] += 1
        if request.name.endswith("/slow"):
            return self._submission(submission_service_pb2.Submission.STATE_VALIDATING)
        if request.name.endswith("/rejected"):
            return self._submission(submission_service_pb2.Submission.STATE_REJECTED)
        done = self.calls["get_submission"] > 2
        states = submission_service_pb2.Submission
        return self._submission(states.STATE_PUBLISHED if done else states.STATE_VALIDATING)

    async def CertifySubmission(self, request, context):
        self.calls["certify"] += 1
        self.decided = request
        return self._submission(submission_service_pb2.Submission.STATE_CERTIFIED)

    async def RejectSubmission(self, request, context):
        self.decided = request
        return self._submission(submission_service_pb2.Submission.STATE_REJECTED)

    async def WithdrawSubmission(self, request, context):
        self.decided = request
        return self._submission(submission_service_pb2.Submission.STATE_WITHDRAWN)

    async def RevertSubmission(self, request, context):
        self.decided = request
        return self._submission(submission_service_pb2.Submission.STATE_REVERTING)

    async def ListSteps(self, request, context):
        return submission_service_pb2.ListStepsResponse(
            steps=[submission_service_pb2.Step(action="certify", actor="a", state="STATE_CERTIFIED")]
        )

    async def DownloadReport(self, request, context):
        for piece in (b"a" * 1000, b"b" * 1000):
            yield httpbody_pb2.HttpBody(content_type="text/plain", data=piece)
            if request.name.endswith("/broken"):
                raise errors.InternalError(errors.Text("Broken.", "Rusak."))

    DownloadBadRows = DownloadReport

    async def CompareSubmission(self, request, context):
        changed = submission_service_pb2.RowDifference(
            kind="KIND_CHANGED",
            key={"year": "2017"},
            values=[submission_service_pb2.ValueDifference(column="v", before="1", after="2")],
        )
        total = submission_service_pb2.TotalDifference(name="rows", before="1", after="1")
        return submission_service_pb2.CompareSubmissionResponse(
            rows_changed=1, rows=[changed], totals=[total]
        )

    async def ListFindings(self, request, context):
        self.calls["list_findings"] += 1
        begin = int(request.page_token or 0)
        end = min(begin + min(request.page_size, 1000), FINDINGS)
        return submission_service_pb2.ListFindingsResponse(
            findings=[
                submission_service_pb2.Finding(row=row, column="a", value="\x1b[31mred", rule="r")
                for row in range(begin, end)
            ],
            next_page_token=str(end) if end < FINDINGS else "",
        )

    async def ApplySource(self, request, context):
        self.calls["apply_source"] += 1
        return source_service_pb2.Source(name="sources/span", revision=self.calls["apply_source"])

    async def GetSource(self, request, context):
        return source_service_pb2.Source(name=request.name, dataset="datasets/payment", type="sql")

    async def ListSources(self, request, context):
        return source_service_pb2.ListSourcesResponse(
            sources=[source_service_pb2.Source(name="sources/span")]
        )

    async def RunSource(self, request, context):
        self.request_ids.append(request.request_id)
        return self._source_run(f"{request.name}/runs/1", request.full)

    def _source_run(self, name, full=False):
        states = source_service_pb2.SourceRun
        self.calls["source_run"] += 1
        ends = states.STATE_FAILED if name.startswith("sources/bad/") else states.STATE_SUCCEEDED
        run = states(
            name=name,
            full=full,
            state=ends if self.calls["source_run"] > 2 else states.STATE_RUNNING,
            rows_read=2**60,
            rule_counts=[submission_service_pb2.RuleCount(rule="r", rows=3)],
        )
        run.duration.FromMilliseconds(1500)
        return run

    async def GetSourceRun(self, request, context):
        return self._source_run(request.name)

    async def ListSourceRuns(self, request, context):
        return source_service_pb2.ListSourceRunsResponse(
            source_runs=[self._source_run(f"{request.parent}/runs/1")]
        )

    async def CancelSourceRun(self, request, context):
        return self._source_run(request.name)

    async def RetrySourceRun(self, request, context):
        return self._source_run(request.name)

    async def GetDataset(self, request, context):
        wanted = request.name.removeprefix("datasets/")
        kinds = {
            kind.code.lower(): kind
            for kind in vars(errors).values()
            if isinstance(kind, type) and issubclass(kind, errors.LumbungError)
        }
        if wanted in kinds:
            text = errors.Text(f"{wanted} in English.", f"{wanted} dalam bahasa Indonesia.")
            raise kinds[wanted](text, field="name", reason=f"R_{wanted.upper()}")
        if wanted == "crash":
            raise RuntimeError("inside")
        return dataset_service_pb2.Dataset(name=request.name, declaration="kind: Dataset", owner="鈴木")

    async def ListDatasets(self, request, context):
        begin = int(request.page_token or 0)
        end = min(begin + request.page_size, DATASETS)
        return dataset_service_pb2.ListDatasetsResponse(
            datasets=[dataset_service_pb2.Dataset(name=f"datasets/d{n:04d}") for n in range(begin, end)],
            next_page_token=str(end) if end < DATASETS else "",
        )

    async def ListSnapshots(self, request, context):
        return dataset_service_pb2.ListSnapshotsResponse()

    async def RunQuery(self, request, context):
        if request.sql == "endless":
            await asyncio.sleep(60)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.table.schema) as writer:
            writer.write_table(self.table)
        data = sink.getvalue().to_pybytes()
        for begin in range(0, len(data), 100):
            if self.cut_answer and begin:
                return
            yield query_service_pb2.RunQueryResponse(arrow_ipc=data[begin : begin + 100])
        summary = query_service_pb2.QuerySummary(rows=self.table.num_rows, truncated=request.max_rows == 1)
        summary.tables.add(
            dataset="datasets/apbd", as_of="2026-01-02T03:04:05Z", rows_withheld=True, masked_columns=["nik"]
        )
        yield query_service_pb2.RunQueryResponse(summary=summary)

    async def RunPipeline(self, request, context):
        self.request_ids.append(request.request_id)
        return pipeline_service_pb2.Run(
            name=f"{request.name}/runs/1", state=pipeline_service_pb2.Run.STATE_PENDING
        )

    async def GetRun(self, request, context):
        self.calls["get_run"] += 1
        if self.run_fails:
            self.run_fails -= 1
            raise errors.UnavailableError(errors.Text("Not now.", "Belum."))
        states = pipeline_service_pb2.Run
        ends = states.STATE_FAILED if request.name.startswith("pipelines/bad/") else states.STATE_SUCCEEDED
        return states(
            name=request.name,
            state=ends if self.calls["get_run"] > 3 else states.STATE_RUNNING,
            tasks_done=1,
            tasks_total=2,
            rows_written={"apbd": 2**60},
        )

    async def ReadRunLog(self, request, context):
        for number in range(3):
            yield pipeline_service_pb2.ReadRunLogResponse(level="INFO", text=f"line {number}")

    async def RegisterModelVersion(self, request_iterator, context):
        parts = [part async for part in request_iterator]
        assert [part.WhichOneof("part") for part in parts] == ["head"] + ["data"] * (len(parts) - 1)
        self.model = (parts[0].head, [part.data for part in parts[1:]])
        return model_service_pb2.ModelVersion(name=f"{parts[0].head.parent}/versions/1", size_bytes=2**40)

    async def DeployModelVersion(self, request, context):
        return model_service_pb2.Deployment(model_version=request.name, ready=True)

    async def ListModelVersions(self, request, context):
        return model_service_pb2.ListModelVersionsResponse()

    async def ModelInfer(self, request, context):
        [tensor] = request.inputs
        answer = open_inference_pb2.ModelInferResponse(model_name=request.model_name)
        answer.outputs.add(name="y", datatype="FP64", shape=tensor.shape).contents.fp64_contents.extend(
            2.0 * value for value in tensor.contents.fp64_contents
        )
        return answer


class Platform:
    """Runs in a thread of its own, so that blocking clients can be tested too."""

    def __init__(self):
        self.port = free_port()
        self.key = new_key()
        self.token = issue(self.key, ISSUER, realm_access={"roles": ROLES})
        self.services = _Services(self)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._keep = set()
        self._submit(self._start())

    def _submit(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    async def _start(self):
        http = httpx.AsyncClient(
            transport=httpx.MockTransport(lambda _request: httpx.Response(200, json=jwks(self.key)))
        )
        modules = [
            upload_service_pb2,
            submission_service_pb2,
            source_service_pb2,
            dataset_service_pb2,
            query_service_pb2,
            pipeline_service_pb2,
            model_service_pb2,
            open_inference_pb2,
        ]
        verifier = TokenVerifier(AuthSettings(issuer=ISSUER, jwks_url="http://issuer.test/"), http)
        rules = AccessRules.from_protos(modules, access_pb2.access)
        listen = ListenSettings(port=self.port, metrics_port=self.port, stop_grace_seconds=0)
        self.server = GrpcServer(listen, CallInterceptor(rules, verifier))
        for module in (
            upload_service_pb2_grpc,
            submission_service_pb2_grpc,
            source_service_pb2_grpc,
            dataset_service_pb2_grpc,
            query_service_pb2_grpc,
            pipeline_service_pb2_grpc,
            model_service_pb2_grpc,
            open_inference_pb2_grpc,
        ):
            [register] = [value for name, value in vars(module).items() if name.startswith("add_")]
            service = register.__name__.removeprefix("add_").removesuffix("Servicer_to_server")
            package = "inference" if service == "GRPCInferenceService" else module.__name__.rsplit(".", 1)[0]
            self.server.add(register, self.services, f"{package}.{service}")
        await self.server.start()

    def restart_soon(self):
        """Breaks every connection and listens again, as after a kill."""

        async def restart():
            await self.server.stop()
            await self._start()

        task = self.loop.create_task(restart())
        self._keep.add(task)

    def close(self):
        self._submit(self.server.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()
