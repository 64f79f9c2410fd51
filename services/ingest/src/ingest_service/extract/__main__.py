"""The reading process: a password and one job from standard input, one report to standard output, then it ends."""

import json
import resource
import sys

from ingest_service.engine.lifetime import die_with
from ingest_service.extract.drivers import open_database
from ingest_service.extract.failures import ExtractError
from ingest_service.extract.job import ExtractJob, ExtractReport
from ingest_service.extract.reading import read_chunk

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Works for as long as the parent with the given number lives."""
    if not die_with(int(arguments[0])):
        return 1
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    password = json.loads(sys.stdin.readline())
    job = ExtractJob.model_validate_json(sys.stdin.read())
    try:
        report = ExtractReport(extracted=read_chunk(job, password, open_database))
    except ExtractError as error:
        report = ExtractReport(failure=error.failure)
    sys.stdout.write(report.model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
