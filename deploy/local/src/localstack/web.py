"""Questions to a part's loopback HTTP port.

The standard library's client, since these are asked all the time: httpx loads certificates for every client it makes.
"""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from localstack.errors import NotReadyError

_MOST_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Answer:
    """What came back from a loopback port."""

    status: int
    text: str

    def json(self) -> Any:
        """The body as JSON; ValueError when it is none."""
        return json.loads(self.text)


def ask(url: str, *, seconds: float = 5.0) -> Answer:
    """GET a plain HTTP URL; NotReadyError when nobody answers in time."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=seconds)
    try:
        connection.request("GET", f"{address.path or '/'}{f'?{address.query}' if address.query else ''}")
        response = connection.getresponse()
        return Answer(response.status, response.read(_MOST_BYTES).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        raise NotReadyError(f"{url} does not answer: {error or type(error).__name__}") from error
    finally:
        connection.close()


def expect_ok(url: str, *, seconds: float = 5.0) -> Answer:
    """GET a URL; NotReadyError when it does not answer with 200."""
    answer = ask(url, seconds=seconds)
    if answer.status != http.client.OK:
        raise NotReadyError(f"{url} answers {answer.status}: {answer.text[:200]}")
    return answer
