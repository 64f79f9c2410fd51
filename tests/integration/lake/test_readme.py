import re
from pathlib import Path
from typing import Any

from lake import LakeSettings

README = Path(__file__).parents[3] / "libs" / "lake" / "README.md"


def test_every_block_of_the_readme_runs(lake_settings: LakeSettings) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 4
    names: dict[str, Any] = {"settings": lake_settings}
    for block in blocks:
        exec(compile(block, str(README), "exec"), names)  # noqa: S102 - our own documentation
    assert names["scan"].rows_withheld is True
