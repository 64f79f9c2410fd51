"""The process that reads a topic: secrets and the job from standard input, then an answer for each order."""

import os
import resource
import sys

from ingest_service.engine.lifetime import die_with
from ingest_service.extract.failures import ExtractError
from ingest_service.extract.topics.job import BatchOrder, TopicAnswer, TopicJob, TopicSecrets
from ingest_service.extract.topics.reader import TopicReader

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Works for as long as the parent with the given number lives and has orders."""
    if not die_with(int(arguments[0])):
        return 1
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    secrets = TopicSecrets.model_validate_json(sys.stdin.readline())
    job = TopicJob.model_validate_json(sys.stdin.readline())
    try:
        reader = TopicReader(job, secrets)
        for line in sys.stdin:
            _say(TopicAnswer(batch=reader.read(BatchOrder.model_validate_json(line))))
    except ExtractError as error:
        _say(TopicAnswer(failure=error.failure))
    # Threads of the client that wait for a broker are not waited for.
    os._exit(0)


def _say(answer: TopicAnswer) -> None:
    sys.stdout.write(f"{answer.model_dump_json()}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
