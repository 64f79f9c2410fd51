import pytest

from platformsetup import golang
from platformsetup.errors import SetupError
from platformsetup.golang import MODULES
from platformsetup.minioserver import LICENCES, VERSION, arguments, built_program, environment, main

GO = """#!/bin/sh
case "$1 $2" in
"version ") echo "go version go{version} linux/amd64" ;;
"install "*) echo "$GOFLAGS $CGO_ENABLED $*" > "$GOBIN/minio" ;;
"mod "*) echo '{{"Dir": "{source}"}}' ;;
"version -m") echo "$3: go{version}"; echo "	mod	github.com/minio/minio	{module}	h1:x=" ;;
esac
"""


@pytest.fixture
def go(tmp_path, monkeypatch):
    """Puts a Go of this version, or none, on a PATH with nothing else of it."""

    def install(version):
        folder = tmp_path / "bin"
        folder.mkdir()
        if version:
            source = tmp_path / "source"
            source.mkdir()
            for name in LICENCES:
                (source / name).write_text(name)
            (folder / "go").write_text(GO.format(version=version, module=VERSION, source=source))
            (folder / "go").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setattr(golang, "_USUAL_GO", str(tmp_path / "nowhere"))

    return install


def test_it_is_built_once_from_the_pinned_module(go, tmp_path):
    go("1.26.8")
    cache = tmp_path / "cache"
    program = built_program(cache)
    said = program.read_text()
    assert said.startswith("-trimpath -buildvcs=false 0 install")
    assert said.rstrip().endswith(f"github.com/minio/minio@{VERSION}")
    assert {path.name for path in program.parent.iterdir()} == {"minio", MODULES, *LICENCES}
    assert (
        program.parent / MODULES
    ).read_text() == f"go1.26.8\n\tmod\tgithub.com/minio/minio\t{VERSION}\th1:x=\n"
    program.write_text("kept")
    assert built_program(cache).read_text() == "kept"
    assert not list(cache.glob("unfinished-*"))


@pytest.mark.parametrize("version", ["", "1.19.8"])
def test_a_missing_or_old_go_says_in_one_line_what_to_do(go, tmp_path, capsys, version):
    go(version)
    assert main({"LUMBUNG_CACHE_DIR": str(tmp_path / "cache")}) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "install Go 1.24 or later" in line
    assert "LUMBUNG_S3_PROGRAM=seaweedfs" in line
    assert version in line


def test_a_failed_build_leaves_no_program(go, tmp_path):
    go("1.26.8")
    script = tmp_path / "bin" / "go"
    script.write_text(
        script.read_text().replace('"install "*) ', '"install "*) echo no network >&2; exit 1; ')
    )
    with pytest.raises(SetupError, match="no network"):
        built_program(tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("minio-*"))


def test_the_server_has_one_port_and_no_console(tmp_path):
    line = arguments(tmp_path / "minio", tmp_path / "data", "127.0.0.1:9")
    assert line[1:] == ["server", str(tmp_path / "data"), "--address", "127.0.0.1:9", "--quiet"]
    assert environment("a", "b")["MINIO_BROWSER"] == "off"
