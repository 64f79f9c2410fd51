"""Layers are the same at every build, say what is in them, and hold nothing of the machine that built them."""

import hashlib
import json
import os
import stat

import pytest

from platformimages import tidy
from platformimages.commands import ROOT
from platformimages.sbom import SBOM_DIR, merged, write_sbom

PACKAGES = "usr/local/lib/python3.11/dist-packages"


@pytest.fixture
def layer(tmp_path):
    def make(name):
        target = tmp_path / name
        packages = target / PACKAGES
        info = packages / "thing-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            "Metadata-Version: 2.4\nName: Thing\nVersion: 1.2\nLicense-Expression: MIT\n"
        )
        (info / "RECORD").write_text(
            f"thing.py,,\nthing-1.2.dist-info/METADATA,,\nthing-1.2.dist-info/direct_url.json,sha256={name},1\n"
        )
        (packages / "thing.py").write_text("NAMES = {'a', 'b', 'c'}\n")
        (packages / "numpy" / "core" / "tests").mkdir(parents=True)
        (packages / "numpy" / "core" / "tests" / "test_it.py").write_text("")
        (target / "usr/local/bin").mkdir(parents=True)
        (target / "usr/local/bin/thing").write_text("#!/usr/bin/python3\n")
        (target / "usr/local/bin/thing").chmod(0o4700)
        return target

    return make


def finish(target):
    tidy.prune(target)
    tidy.true_records(target)
    tidy.compile_python(target)
    write_sbom(target, "thing")
    tidy.normalise(target)
    return {
        str(path.relative_to(target)): (
            stat.S_IMODE(path.stat().st_mode),
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(target.rglob("*"))
    }


def test_two_builds_are_the_same(layer):
    assert finish(layer("one")) == finish(layer("two"))


def test_a_package_lists_the_files_that_are_there(layer):
    target = layer("one")
    finish(target)
    lines = (target / PACKAGES / "thing-1.2.dist-info" / "RECORD").read_text().splitlines()
    assert lines == ["thing-1.2.dist-info/METADATA,,", "thing.py,,"]


def test_modes_are_plain_and_nothing_is_set_uid(layer):
    found = finish(layer("one"))
    assert found["usr/local/bin/thing"][0] == 0o755
    assert found[f"{PACKAGES}/thing.py"][0] == 0o644
    assert {mode for mode, _ in found.values()} == {0o755, 0o644}


def test_modules_are_compiled_without_times_or_places(layer):
    target = layer("one")
    finish(target)
    content = (target / PACKAGES / "__pycache__" / "thing.cpython-311.pyc").read_bytes()
    assert content[4:8] == b"\x01\0\0\0", "by hash, unchecked"
    assert os.fsencode(target) not in content
    assert b"/usr/local/lib/python3.11/dist-packages/thing.py" in content


def test_test_suites_stay_outside(layer):
    assert not any("tests" in name for name in finish(layer("one")))


def test_a_bill_lists_what_is_there_and_is_valid(layer):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    target = layer("one")
    finish(target)
    document = (target / SBOM_DIR / "thing.cdx.json").read_bytes()
    whole = merged("thing", "1.0", [document, document])
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(whole) is None
    (component,) = json.loads(whole)["components"]
    assert (component["purl"], component["version"]) == ("pkg:pypi/thing@1.2", "1.2")
    assert component["licenses"][0]["license"]["name"] == "MIT"
    assert str(ROOT) not in whole


def test_a_bill_lists_go_modules_with_their_replacements(tmp_path):
    listing = tmp_path / "usr/share/doc/thing/modules.txt"
    listing.parent.mkdir(parents=True)
    listing.write_text(
        "go1.26.8\n\tpath\texample.org/thing\n\tmod\texample.org/thing\tv1.0.0\th1:a=\n"
        "\tdep\texample.org/a/old\tv0.1.0\n\t=>\texample.org/a/new\tv0.2.0\th1:b=\n\tbuild\tCGO_ENABLED=0\n"
    )
    write_sbom(tmp_path, "thing")
    document = json.loads((tmp_path / SBOM_DIR / "thing.cdx.json").read_text())
    assert {component["purl"] for component in document["components"]} == {
        "pkg:golang/example.org/a/new@v0.2.0",
        "pkg:golang/example.org/thing@v1.0.0",
        "pkg:golang/stdlib@1.26.8",
    }


def test_a_bill_is_the_same_at_every_build(layer):
    for name in ("one", "two"):
        finish(layer(name))
    assert merged("x", "1", []) == merged("x", "1", [])
