"""The step that waits for the sign-in server's keys."""

import pytest

from servicekit.auth.__main__ import main

from support.jsonserver import Answer, serve_json


@pytest.fixture
def answers(monkeypatch):
    """What the server answers, one after the other; the last one stays."""
    given = []

    def answer(_):
        return given.pop(0) if len(given) > 1 else given[0]

    with serve_json(answer) as url:
        monkeypatch.setenv("LUMBUNG_AUTH__ISSUER", url)
        monkeypatch.setenv("LUMBUNG_AUTH__JWKS_URL", f"{url}/certs")
        yield given


def test_it_ends_when_the_keys_are_there(answers, capsys):
    answers += [Answer({"error": "later"}, 503), Answer({"keys": []}), Answer({"keys": [{"kid": "a"}]})]
    assert main(["30"]) == 0
    said = capsys.readouterr()
    assert "keys are there" in said.out
    assert "503" in said.err
    assert "the set is empty" in said.err


def test_it_gives_up_and_says_why(answers, capsys):
    answers.append(Answer({"no": "keys"}))
    assert main(["0.1"]) == 1
    assert "/certs gave no keys within 0 s: 'keys'" in capsys.readouterr().err


def test_wrong_settings_are_named(monkeypatch, capsys):
    monkeypatch.delenv("LUMBUNG_AUTH__JWKS_URL", raising=False)
    assert main([]) == 2
    assert "auth" in capsys.readouterr().err
