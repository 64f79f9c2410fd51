from pathlib import Path

from localstack.plan import plan_parts
from localstack.settings import OPTIONAL_PARTS, load_settings


def test_optional_parts_are_there_when_they_are_asked_for(tmp_path: Path) -> None:
    plain = {"LUMBUNG_DATA_DIR": str(tmp_path)}
    without = plan_parts(load_settings(plain))
    asked = plan_parts(load_settings(plain | {"LUMBUNG_WITH": ",".join(OPTIONAL_PARTS)}))
    assert asked.keys() - without.keys() == set(OPTIONAL_PARTS)
