"""Questions to a part's loopback HTTP port."""

import httpx

from localstack.errors import NotReadyError


def expect_ok(url: str, *, seconds: float = 5.0) -> httpx.Response:
    """GET a URL; NotReadyError when it does not answer with 200."""
    try:
        answer = httpx.get(url, timeout=seconds, trust_env=False)
    except httpx.HTTPError as error:
        raise NotReadyError(f"{url} does not answer: {error}") from error
    if answer.status_code != httpx.codes.OK:
        raise NotReadyError(f"{url} answers {answer.status_code}: {answer.text[:200]}")
    return answer
