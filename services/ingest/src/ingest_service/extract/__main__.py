"""The reading process: a password and one job from standard input, one report to standard output, then it ends."""

import json
import os
import resource
import sys

from ingest_service.engine.lifetime import die_with
from ingest_service.extract.drivers import open_database
from ingest_service.extract.failures import ExtractError, away
from ingest_service.extract.job import ExtractJob, ExtractReport
from ingest_service.extract.reading import read_chunk
from ingest_service.extract.silence import Listener

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Works for as long as the parent with the given number lives."""
    if not die_with(int(arguments[0])):
        return 1
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    password = json.loads(sys.stdin.readline())
    job = ExtractJob.model_validate_json(sys.stdin.read())
    seconds = job.sql.throttle.statement_seconds + job.silence_seconds
    listener = Listener(seconds, lambda: _give_up(seconds))
    listener.start()
    try:
        report = ExtractReport(extracted=read_chunk(job, password, open_database, listener.heard))
    except ExtractError as error:
        report = ExtractReport(failure=error.failure)
    sys.stdout.write(report.model_dump_json())
    return 0


def _give_up(seconds: float) -> None:
    """Ends the process: a thread that waits for a server cannot be told to stop."""
    failure = away(f"nothing came for {seconds:g} s").failure
    sys.stdout.write(ExtractReport(failure=failure).model_dump_json())
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
