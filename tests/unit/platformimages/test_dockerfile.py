import pytest

from platformimages.dockerfile import read_dockerfile
from platformimages.errors import ImageError


@pytest.fixture
def read(tmp_path):
    def reader(text):
        path = tmp_path / "Dockerfile"
        path.write_text(text)
        return read_dockerfile(path)

    return reader


def test_only_the_last_stage_counts(read):
    runtime = read(
        'FROM a AS fill\nRUN ["x"]\nUSER 1\nFROM ${BASE}\nCOPY --from=fill /out/own/ /\nENV A=1 B=2\nWORKDIR /app\n'
        'USER 10001:10001\nENTRYPOINT ["/p", "-m", "x"]\nCMD ["y"]\n'
    )
    assert (runtime.layers, runtime.env, runtime.workdir) == (["own"], {"A": "1", "B": "2"}, "/app")
    assert (runtime.user, runtime.entrypoint, runtime.command) == ("10001:10001", ["/p", "-m", "x"], ["y"])
    assert runtime.base


def test_an_image_from_scratch_has_no_base(read):
    assert not read("FROM scratch\nCOPY --from=fill /out/rootfs/ /\n").base


@pytest.mark.parametrize("line", ["HEALTHCHECK NONE", "VOLUME /data", "ADD x /", 'SHELL ["/bin/sh"]'])
def test_what_needs_a_builder_is_refused(read, line):
    with pytest.raises(ImageError, match=line.split()[0]):
        read(f"FROM scratch\n{line}\n")


@pytest.mark.parametrize("copy", ["/out/own/ /app/", "/else/own/ /", "/out/own /"])
def test_a_layer_is_laid_over_the_root(read, copy):
    with pytest.raises(ImageError, match="COPY --from=fill /out/NAME/ /"):
        read(f"FROM scratch\nCOPY --from=fill {copy}\n")
