from pathlib import Path

import pytest

from localstack.errors import StackError
from localstack.parts.objectstore import ObjectStore, s3_part
from localstack.settings import load_settings


@pytest.mark.parametrize(
    ("folder", "kept_by", "asked"), [("s3", "seaweedfs", "minio"), ("minio", "minio", "")]
)
def test_a_lake_of_the_other_program_is_not_passed_by(
    tmp_path: Path, folder: str, kept_by: str, asked: str
) -> None:
    (tmp_path / "data" / folder).mkdir(parents=True)
    settings = load_settings({"LUMBUNG_DATA_DIR": str(tmp_path), "LUMBUNG_S3_PROGRAM": asked})
    with pytest.raises(StackError, match=f"set LUMBUNG_S3_PROGRAM={kept_by}, or .*make reset"):
        ObjectStore(settings).launch()
    assert [path.name for path in (tmp_path / "data").iterdir()] == [folder]


def test_minio_takes_one_port_and_has_its_own_metrics(tmp_path: Path) -> None:
    settings = load_settings({"LUMBUNG_DATA_DIR": str(tmp_path), "LUMBUNG_S3_PROGRAM": "minio"})
    part = s3_part(settings)
    assert part.ports == (settings.ports["s3"],)
    assert part.metrics_kind == "minio"
    assert str(part.metrics_url).startswith(settings.ports.url("s3"))
