"""Sign-in against a small server that speaks RFC 8628, and the file that keeps the tokens."""

import json
import threading
import time

import pytest

from lumbung.cli.main import run
from lumbung.config import Endpoints, config_folder
from lumbung.credentials import Credentials, device_login, service_login, stored_token
from lumbung.errors import ApiError

from support.jsonserver import Answer, serve_json


class _SignIn:
    """`polls` are the answers to polling, in order: an OAuth error, "token", or a number as an HTTP status."""

    def __init__(self):
        self.polls = ["token"]
        self.forms = []
        self.issued = 0
        self.expires_in = 300
        self.issuer = ""

    def answer(self, asked):
        status, document = self.reply(asked.path, asked.form)
        return Answer(document, status)

    def reply(self, path, form):
        self.forms.append(form)
        if path.endswith("/auth/device"):
            return 200, {
                "device_code": "d-1",
                "user_code": "ABCD-EFGH",
                "verification_uri": "http://confirm.test",
                "expires_in": 600,
                "interval": 0.5,
            }
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] != f"r{self.issued}":
                return 400, {"error": "invalid_grant"}
            return self.token()
        if form["grant_type"] == "client_credentials":
            return (
                self.token()
                if form["client_secret"] == "good"
                else (401, {"error": "unauthorized_client", "error_description": "Invalid client secret"})
            )
        assert form["device_code"] == "d-1"
        poll = self.polls.pop(0)
        if poll == "token":
            return self.token()
        return (poll, {}) if isinstance(poll, int) else (400, {"error": poll})

    def token(self):
        self.issued += 1
        return 200, {
            "access_token": f"a{self.issued}",
            "expires_in": self.expires_in,
            "refresh_token": f"r{self.issued}",
            "refresh_expires_in": 3600,
        }


@pytest.fixture
def sign_in():
    server = _SignIn()
    with serve_json(server.answer) as address:
        server.issuer = f"{address}/realms/lumbung"
        yield server


@pytest.fixture
def endpoints(sign_in, monkeypatch, tmp_path):
    monkeypatch.setenv("LUMBUNG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LUMBUNG_ISSUER", sign_in.issuer)
    monkeypatch.setenv("LUMBUNG_GATEWAY_URL", "http://gateway.test:1")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.delenv("LUMBUNG_TOKEN", raising=False)
    return Endpoints("gateway.test:1", sign_in.issuer)


def test_the_device_flow_waits_slows_down_and_gets_through(sign_in, endpoints):
    sign_in.polls = ["authorization_pending", "slow_down", 503, "authorization_pending", "token"]
    slept, shown = [], []
    credentials = device_login(endpoints, lambda *told: shown.append(told), slept.append)
    assert shown == [("http://confirm.test", "ABCD-EFGH")]
    assert credentials.access_token == "a1"
    assert slept == [0.5, 0.5, 5.5, 11.0, 11.0]


@pytest.mark.parametrize(
    ("poll", "reason"),
    [
        ("access_denied", "SIGN_IN_DENIED"),
        ("expired_token", "SIGN_IN_EXPIRED"),
        ("invalid_client", "SIGN_IN_REFUSED"),
    ],
)
def test_the_device_flow_ends(sign_in, endpoints, poll, reason):
    sign_in.polls = [poll]
    with pytest.raises(ApiError) as caught:
        device_login(endpoints, lambda *_: None, lambda _: None)
    assert (caught.value.code, caught.value.reason) == ("UNAUTHENTICATED", reason)


def test_the_command_keeps_the_tokens_for_their_owner_only(sign_in, endpoints, capsys):
    assert run(["login", "--language", "id", "-ojson"]) == 0
    captured = capsys.readouterr()
    assert "konfirmasi kode ABCD-EFGH" in captured.err
    file = config_folder() / "credentials.json"
    assert json.loads(captured.out)["credentials"] == str(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["credentials.json"]
    assert stored_token(endpoints) == "a1"
    assert run(["logout"]) == 0
    assert stored_token(endpoints) == ""


def test_a_token_is_renewed_once_though_many_ask(sign_in, endpoints):
    sign_in.expires_in = 1
    sign_in.polls = ["token"]
    device_login(endpoints, lambda *_: None, lambda _: None).save()
    sign_in.expires_in = 300
    found = []
    threads = [threading.Thread(target=lambda: found.append(stored_token(endpoints))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["a2"] * 8
    assert sign_in.issued == 2


def test_a_refused_renewal_is_signed_out(sign_in, endpoints):
    Credentials(sign_in.issuer, "lumbung-cli", "old", time.time() - 1, "stale").save()
    assert stored_token(endpoints) == ""


def test_tokens_of_another_issuer_or_gateway_are_not_shown(sign_in, endpoints):
    device_login(endpoints, lambda *_: None, lambda _: None).save()
    assert stored_token(endpoints) == "a1"
    assert stored_token(Endpoints("gateway.test:1", "http://other.test/realms/x")) == ""
    assert stored_token(Endpoints("evil.test:1", sign_in.issuer)) == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"issuer": 1}', '{"a": 1}'])
def test_a_broken_file_is_as_good_as_none(endpoints, text):
    config_folder().mkdir(parents=True)
    (config_folder() / "credentials.json").write_text(text)
    assert stored_token(endpoints) == ""


def test_systems_sign_in_with_their_secret(endpoints):
    assert service_login(endpoints, "span", "good").access_token == "a1"
    with pytest.raises(ApiError, match="Invalid client secret"):
        service_login(endpoints, "span", "bad")


def test_a_sign_in_service_that_is_away_is_told(endpoints, capsys, monkeypatch):
    monkeypatch.setenv("LUMBUNG_ISSUER", "http://127.0.0.1:1/realms/x")
    assert run(["login", "-ojson"]) == 7
    assert json.loads(capsys.readouterr().err)["error"]["reason"] == "SIGN_IN_UNAVAILABLE"
