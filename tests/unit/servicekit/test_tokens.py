"""Tokens and keys against an issuer that exists only in memory."""

import time

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from servicekit.auth import TokenVerifier, keys
from servicekit.errors import UnauthenticatedError, UnavailableError
from servicekit.settings import AuthSettings

ISSUER = "http://issuer.test/realms/lumbung"


class _Issuer:
    """Serves a key set that a test can change or take away."""

    def __init__(self):
        self.private = {}
        self.up = True
        self.extra = []
        self.asked = 0
        self.add("k1")

    def add(self, kid):
        self.private[kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def answer(self, _request):
        self.asked += 1
        if not self.up:
            return httpx.Response(503)
        documents = [
            jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "use": "sig"}
            for kid, key in self.private.items()
        ]
        return httpx.Response(200, json={"keys": [*self.extra, *documents]})

    def token(self, kid="k1", **changes):
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "lumbung-api",
            "azp": "lumbung-cli",
            "sub": "s-1",
            "preferred_username": "steward-pusat",
            "iat": now,
            "exp": now + 300,
            "realm_access": {"roles": ["steward"]},
            "office": "pusat",
        } | changes
        return "Bearer " + jwt.encode(claims, self.private[kid], algorithm="RS256", headers={"kid": kid})


@pytest.fixture
def issuer():
    return _Issuer()


@pytest.fixture
async def verifier(issuer):
    async with httpx.AsyncClient(transport=httpx.MockTransport(issuer.answer)) as http:
        yield TokenVerifier(AuthSettings(issuer=ISSUER, jwks_url="http://issuer.test/keys"), http)


class _Clock:
    def __init__(self, monkeypatch):
        self.ahead = self.keys_ahead = 0.0
        real, real_monotonic = time.time, time.monotonic
        monkeypatch.setattr("servicekit.auth.tokens.time.time", lambda: real() + self.ahead)
        monkeypatch.setattr("servicekit.auth.keys.time.monotonic", lambda: real_monotonic() + self.keys_ahead)


@pytest.fixture
def clock(monkeypatch):
    return _Clock(monkeypatch)


async def test_a_principal_says_who_calls(issuer, verifier):
    principal = await verifier.principal(issuer.token())
    assert (principal.username, principal.roles, principal.office) == (
        "steward-pusat",
        frozenset({"steward"}),
        "pusat",
    )


@pytest.mark.parametrize(
    ("access", "roles"),
    [
        ({"roles": "admin"}, frozenset()),
        ({"roles": {"admin": 1}}, frozenset()),
        ({"roles": 7}, frozenset()),
        ({"roles": None}, frozenset()),
        ("admin", frozenset()),
        (["admin"], frozenset()),
        ({"roles": ["viewer", 7, None, ["admin"]]}, frozenset({"viewer"})),
    ],
)
async def test_roles_come_only_from_a_list_of_texts(issuer, verifier, access, roles):
    assert (await verifier.principal(issuer.token(realm_access=access))).roles == roles


@pytest.mark.parametrize(
    ("claim", "office"), [(["32"], "32"), ([], ""), (32, "32"), ({"a": 1}, ""), (None, ""), ([["x"]], "")]
)
async def test_the_office_is_text(issuer, verifier, claim, office):
    assert (await verifier.principal(issuer.token(office=claim))).office == office


@pytest.mark.parametrize(
    "header",
    [
        "Bearer " + "a" * 20_000,
        "Bearer a.b",
        "Basic a.b.c",
        "Bearer e30.e30.e30, Bearer e30.e30.e30",
        # a header of 5,000 nested lists: the parser's recursion must not reach the caller as a failure of ours
        "Bearer " + jwt.utils.base64url_encode(b"[" * 5000 + b"]" * 5000).decode() + ".e30.e30",
    ],
)
async def test_a_malformed_header_is_refused(verifier, header):
    with pytest.raises(UnauthenticatedError) as caught:
        await verifier.principal(header)
    assert caught.value.stable_reason == "TOKEN_MALFORMED"


async def test_no_time_beyond_its_range_is_accepted(issuer, verifier):
    with pytest.raises(UnauthenticatedError):
        await verifier.principal(issuer.token(exp="tomorrow"))
    with pytest.raises(UnauthenticatedError):
        await verifier.principal(issuer.token(sub=""))


async def test_a_remembered_token_ends_with_its_leeway(issuer, verifier, clock):
    token = issuer.token(exp=int(time.time()) - 5)
    await verifier.principal(token)  # within ten seconds of leeway
    token = issuer.token(exp=int(time.time()) - 30)
    with pytest.raises(UnauthenticatedError):
        await verifier.principal(token)
    token = issuer.token()
    await verifier.principal(token)
    clock.ahead = 301  # past `exp`: not taken from memory any more
    verifier._claims = _fail
    with pytest.raises(AssertionError, match="verified anew"):
        await verifier.principal(token)


async def _fail(_token):
    raise AssertionError("verified anew")


async def test_a_new_key_is_fetched_and_a_withdrawn_one_forgotten(issuer, verifier, clock):
    old = issuer.token()
    await verifier.principal(old)
    issuer.add("k2")
    clock.keys_ahead = 6
    await verifier.principal(issuer.token("k2"))
    withdrawn = issuer.private.pop("k1")
    assert withdrawn is not None
    clock.keys_ahead = 6 + keys.MAX_AGE_SECONDS + 1
    await verifier.principal(issuer.token("k2"))  # begins the renewal in the background
    await verifier._keys._renewal
    with pytest.raises(UnauthenticatedError) as caught:
        await verifier.principal(old)
    assert caught.value.stable_reason == "TOKEN_KEY"


async def test_keys_that_are_loaded_before_the_first_call_outlive_an_outage_that_begins_then(
    issuer, verifier
):
    await verifier.load_keys()
    issuer.up = False
    assert (await verifier.principal(issuer.token())).subject == "s-1"
    assert issuer.asked == 1


async def test_keys_that_could_not_be_loaded_are_asked_for_by_the_first_token(issuer, verifier):
    issuer.up = False
    await verifier.load_keys()
    issuer.up = True
    assert (await verifier.principal(issuer.token())).subject == "s-1"
    assert issuer.asked == 2


async def test_known_keys_outlive_an_outage_of_the_issuer(issuer, verifier, clock):
    await verifier.principal(issuer.token())
    issuer.up = False
    clock.keys_ahead = keys.MAX_AGE_SECONDS + 1
    await verifier.principal(issuer.token(sub="s-2"))
    await verifier._keys._renewal
    assert (await verifier.principal(issuer.token(sub="s-3"))).subject == "s-3"


async def test_an_unknown_key_during_an_outage_is_no_verdict(issuer, verifier):
    issuer.up = False
    for _ in range(3):
        with pytest.raises(UnavailableError) as caught:
            await verifier.principal(issuer.token())
    assert caught.value.retry_after_seconds
    assert issuer.asked == 1  # an outage is not asked about once per caller


async def test_unknown_keys_cannot_hammer_the_issuer(issuer, verifier):
    await verifier.principal(issuer.token())
    issuer.private["strange"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for _ in range(5):
        with pytest.raises(UnauthenticatedError):
            await verifier.principal(issuer.token("strange"))
    assert issuer.asked == 1


async def test_a_strange_entry_spoils_no_other(issuer, verifier):
    issuer.extra = [
        "text",
        {"kid": "x"},
        {"kid": "y", "kty": "RSA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kid": "z", "kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "use": "sig"},
        {"kid": "o", "kty": "oct", "k": "c2VjcmV0", "use": "sig"},
    ]
    assert (await verifier.principal(issuer.token())).subject == "s-1"
    assert set(verifier._keys._keys) == {"k1"}
