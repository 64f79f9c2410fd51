"""Every shell and Python block of the documentation runs as it stands, page by page."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from treasury.main_job.inputs import find_inputs

from lumbung.ingest.v1.submission_service_pb2 import Submission

from support.mainjob import row_counts
from support.pages import blocks, page_script
from support.practice import CONTRIBUTOR
from support.stack import ROOT

# Pages of packages whose examples need no stack, and the tests that run them.
ELSEWHERE = {
    ROOT / "libs/catalogclient/README.md": "tests/integration/catalogclient/test_client.py",
    ROOT / "libs/lake/README.md": "tests/integration/lake/test_readme.py",
    ROOT / "libs/servicekit/README.md": "tests/unit/servicekit/test_readme.py",
    ROOT / "sdk/README.md": "tests/integration/sdk/test_readme.py",
}
LANGUAGES = {"bash", "python", "yaml", "json", "sql", "text", "proto", ""}
# What makes a block without a language a shell block that nobody marked.
COMMAND = re.compile(
    r"^\s*(\$ |make |lumbung |uv |pip |python3? |curl |git |export |cd |\.venv/|apt-get |dask )", re.MULTILINE
)


def _pages():
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(ROOT / name for name in listed.stdout.split())


PAGES = _pages()
RUN = [
    page
    for page in PAGES
    if page not in ELSEWHERE and any(b.language in {"bash", "python"} for b in blocks(page))
]


def _name(page):
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module", autouse=True)
def tables_as_before(loaded_stack):
    """Pages upload small files to the main job's tables; afterwards its own files are back."""
    before = row_counts(loaded_stack)["province"]
    yield
    uploads = loaded_stack.client(CONTRIBUTOR).uploads
    with tempfile.TemporaryDirectory() as work:
        submission = uploads.wait(uploads.send(find_inputs(Path(work)).province, "province").name)
    assert submission.state == Submission.STATE_PUBLISHED, submission.message
    assert row_counts(loaded_stack)["province"] == max(before, submission.rows_good)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE], ids=_name)
def test_blocks_say_what_they_are(page):
    for block in blocks(page):
        where = f"{_name(page)}:{block.line}"
        assert block.language in LANGUAGES, f"{where}: unknown language {block.language!r}"
        if not block.language:
            assert not COMMAND.search(block.text), (
                f"{where}: a shell block has to be marked `bash`, so that it is run"
            )


def test_there_are_pages_to_run():
    for page, test in ELSEWHERE.items():
        assert page.name in (ROOT / test).read_text()
    assert {"README.md", "docs/tutorials/first-hour.md"} <= {_name(page) for page in RUN}


@pytest.mark.parametrize("page", RUN, ids=_name)
def test_a_page_runs(loaded_stack, tmp_path, page):
    programs = Path(sys.executable).parent
    environment = {
        **loaded_stack.environment,
        "LUMBUNG_HOME": str(tmp_path / "home"),
        "PATH": f"{programs}:{loaded_stack.environment['PATH']}",
    }
    # Two checkouts may run their tests side by side: what the page puts into /tmp goes into a folder of this test.
    script = page_script(page).replace("/tmp/", f"{tmp_path}/")  # noqa: S108
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
