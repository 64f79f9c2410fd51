"""The service's own token, with a sign-in service in memory."""

import asyncio
import time

import httpx
import pytest

from servicekit.auth import ServiceIdentity
from servicekit.errors import UnavailableError
from servicekit.settings import IdentitySettings

SETTINGS = IdentitySettings(token_url="http://issuer.test/token", client_id="svc", client_secret="s3cret")


class _SignIn:
    def __init__(self):
        self.asked = 0
        self.answer = {"expires_in": 300}
        self.status = 200

    async def __call__(self, request):
        self.asked += 1
        await asyncio.sleep(0.01)
        assert b"client_secret=s3cret" in request.content
        return httpx.Response(self.status, json={"access_token": f"t{self.asked}", **self.answer})


@pytest.fixture
def sign_in():
    return _SignIn()


@pytest.fixture
async def identity(sign_in):
    async with httpx.AsyncClient(transport=httpx.MockTransport(sign_in)) as http:
        yield ServiceIdentity(SETTINGS, http)


@pytest.fixture
def clock(monkeypatch):
    state = {"ahead": 0.0}
    real = time.monotonic
    monkeypatch.setattr("servicekit.auth.identity.time.monotonic", lambda: real() + state["ahead"])
    return state


async def test_a_hundred_at_once_ask_once(sign_in, identity):
    tokens = await asyncio.gather(*(identity.token() for _ in range(100)))
    assert set(tokens) == {"t1"}
    assert sign_in.asked == 1


async def test_it_is_renewed_before_it_expires(sign_in, identity, clock):
    await identity.token()
    clock["ahead"] = 239
    assert await identity.token() == "t1"
    clock["ahead"] = 241
    assert await identity.token() == "t2"


async def test_a_short_token_is_used_more_than_once(sign_in, identity):
    sign_in.answer = {"expires_in": 20}
    assert {await identity.token() for _ in range(5)} == {"t1"}


async def test_the_token_at_hand_serves_through_an_outage(sign_in, identity, clock):
    await identity.token()
    sign_in.status = 503
    clock["ahead"] = 250
    assert await identity.token() == "t1"
    clock["ahead"] = 301
    with pytest.raises(UnavailableError):
        await identity.token()


@pytest.mark.parametrize("answer", [{"expires_in": None}, {"expires_in": "soon"}])
async def test_a_strange_answer_is_an_outage(sign_in, identity, answer):
    sign_in.answer = answer
    failures = await asyncio.gather(*(identity.token() for _ in range(20)), return_exceptions=True)
    assert {type(failure) for failure in failures} == {UnavailableError}
    assert sign_in.asked == 1
