from pathlib import Path

import pytest

from localstack.errors import StackError
from localstack.part import Launch, Part, closure
from localstack.plan import plan_parts
from localstack.settings import StackSettings


def part(name: str, *needs: str) -> Part:
    return Part(
        name=name,
        title=name,
        launch=lambda: Launch(("true",), {}, Path("/")),
        probe=lambda: None,
        needs=needs,
    )


def test_closure_brings_needs_first_and_once() -> None:
    parts = {entry.name: entry for entry in (part("a", "b", "c"), part("b", "c"), part("c"), part("d"))}
    assert closure(parts, ("a", "b")) == ("c", "b", "a")


def test_closure_refuses_an_unknown_name_and_says_which_there_are() -> None:
    with pytest.raises(StackError, match="unknown part 'x'; known parts: a"):
        closure({"a": part("a")}, ("x",))


def test_closure_refuses_a_circle() -> None:
    with pytest.raises(StackError, match="a -> b -> a"):
        closure({"a": part("a", "b"), "b": part("b", "a")}, ("a",))


def test_fingerprint_follows_arguments_environment_and_file_content(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("1")
    launch = Launch(("run",), {"A": "1"}, tmp_path, files=(config,))
    first = launch.fingerprint()
    assert launch.fingerprint() == first
    assert Launch(("run", "-v"), {"A": "1"}, tmp_path, files=(config,)).fingerprint() != first
    assert Launch(("run",), {"A": "2"}, tmp_path, files=(config,)).fingerprint() != first
    config.write_text("2")
    assert launch.fingerprint() != first


def test_the_real_plan_has_no_circle_and_no_port_twice(tmp_path: Path) -> None:
    parts = plan_parts(StackSettings(tmp_path, 20000, tmp_path))
    assert set(closure(parts, tuple(parts))) == set(parts)
    ports = [port for entry in parts.values() for port in entry.ports]
    assert len(ports) == len(set(ports))
    assert all(20000 <= port < 20200 for port in ports)
