import pytest
from pydantic import SecretStr

from servicekit.settings import (
    ListenSettings,
    PostgresSettings,
    ServiceSettings,
    SettingsError,
    TelemetrySettings,
    load_settings,
)


class _Settings(ServiceSettings):
    listen: ListenSettings
    postgres: PostgresSettings
    telemetry: TelemetrySettings = TelemetrySettings()


GOOD = "listen: {port: 1, metrics_port: 2}\npostgres: {database: d, user: u}\n"


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "service.yaml"
    monkeypatch.setenv("LUMBUNG_CONFIG", str(path))
    monkeypatch.setenv("LUMBUNG_POSTGRES__PASSWORD", "pass-word")
    return path


def test_the_environment_stands_above_the_file(file, monkeypatch):
    file.write_text(GOOD)
    monkeypatch.setenv("LUMBUNG_LISTEN__PORT", "77")
    settings = load_settings(_Settings)
    assert (settings.listen.port, settings.listen.metrics_port) == (77, 2)
    assert settings.postgres.password == SecretStr("pass-word")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "lisen: {}\n", ["lisen", "service.yaml"]),
        (GOOD.replace("port: 1", "port: 70000"), ["listen.port (70000)", "65535", "LUMBUNG_LISTEN__PORT"]),
        (GOOD + "telemetry: {log_level: LOUD}\n", ["telemetry.log_level ('LOUD')"]),
        ("- a list\n", ["service.yaml", "no keys"]),
        ("a: [", ["service.yaml", "cannot be read"]),
    ],
)
def test_an_error_names_the_key_the_value_and_the_place(file, text, expected):
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(_Settings)
    assert all(part in str(caught.value) for part in expected), str(caught.value)


def test_a_wrong_variable_is_named_and_a_secret_never_shown(file, monkeypatch):
    file.write_text(GOOD)
    monkeypatch.setenv("LUMBUNG_LISTEN__PORT", "many")
    monkeypatch.setenv("LUMBUNG_POSTGRES__PASSWRD", "hush-hush")
    with pytest.raises(SettingsError) as caught:
        load_settings(_Settings)
    assert "listen.port ('many')" in str(caught.value)
    assert "[LUMBUNG_LISTEN__PORT]" in str(caught.value)
    assert "postgres.passwrd" in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_missing_file_is_named(monkeypatch):
    monkeypatch.setenv("LUMBUNG_CONFIG", "/nowhere/x.yaml")
    with pytest.raises(SettingsError, match=r"/nowhere/x\.yaml"):
        load_settings(_Settings)
