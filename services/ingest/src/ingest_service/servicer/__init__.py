"""The gRPC classes: convert, call, convert."""

from ingest_service.servicer.contracts import ContractServicer
from ingest_service.servicer.sources import SourceServicer
from ingest_service.servicer.submissions import SubmissionServicer
from ingest_service.servicer.uploads import UploadServicer

__all__ = ["ContractServicer", "SourceServicer", "SubmissionServicer", "UploadServicer"]
