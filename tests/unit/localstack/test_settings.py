from pathlib import Path

import pytest

from localstack.errors import StackError
from localstack.settings import checkout_dir, load_settings


def test_defaults_are_the_checkout_and_18000() -> None:
    settings = load_settings({})
    assert settings.base_port == 18000
    assert settings.data_dir == checkout_dir() / ".lumbung"
    assert (checkout_dir() / "deploy" / "local").is_dir()


def test_two_base_ports_share_no_port() -> None:
    first = set(load_settings({"LUMBUNG_BASE_PORT": "18000"}).ports.as_dict().values())
    second = set(load_settings({"LUMBUNG_BASE_PORT": "18200"}).ports.as_dict().values())
    assert not first & second


@pytest.mark.parametrize("text", ["80", "65500", "abc", "-1", "1e4"])
def test_an_unusable_base_port_names_the_variable(text: str) -> None:
    with pytest.raises(StackError, match="LUMBUNG_BASE_PORT"):
        load_settings({"LUMBUNG_BASE_PORT": text})


def test_data_folder_and_archive_come_from_the_environment(tmp_path: Path) -> None:
    settings = load_settings(
        {"LUMBUNG_DATA_DIR": str(tmp_path / "x"), "LUMBUNG_KEYCLOAK_ARCHIVE": str(tmp_path / "k.tar.gz")}
    )
    assert settings.data_dir == tmp_path / "x"
    assert settings.keycloak_archive == tmp_path / "k.tar.gz"


def test_the_s3_program_is_one_of_two() -> None:
    assert load_settings({}).s3_program == "seaweedfs"
    assert load_settings({"LUMBUNG_S3_PROGRAM": "minio"}).s3_program == "minio"
    with pytest.raises(StackError, match=r"LUMBUNG_S3_PROGRAM='ceph'.*seaweedfs, minio"):
        load_settings({"LUMBUNG_S3_PROGRAM": "ceph"})


def test_further_parts_are_named() -> None:
    assert load_settings({}).with_parts == ()
    assert load_settings({"LUMBUNG_WITH": " kafka ,"}).with_parts == ("kafka",)
    with pytest.raises(StackError, match=r"LUMBUNG_WITH='pulsar'.*kafka"):
        load_settings({"LUMBUNG_WITH": "kafka,pulsar"})
