"""From the version before to this one, and back, under load, with data in the tables."""

import json

import pytest
import yaml

from support.cluster import STORE, separate_release
from support.previousrelease import previous_checkout, server_images

READY_SECONDS = 420
pytestmark = pytest.mark.skipif(
    STORE != "seaweedfs",
    reason=f"THE UPGRADE IS NOT TESTED WITH {STORE}: the images of the version before have the store that comes with the chart",
)
# Calls that a single server's own new pod may cost, of 20 a second.
OUTAGE_SECONDS = 60


@pytest.fixture(scope="module")
def previous():
    return previous_checkout()


@pytest.fixture(scope="module")
def old_release(cluster, previous):
    """The version before, in a namespace that enforces the standard "restricted"."""
    images = previous / "build" / "images"
    listed = json.loads((images / "images.json").read_text(encoding="utf-8"))["images"]
    cluster.run("load", *(str(images / entry["archive"]) for entry in listed if entry["name"] != "base"))
    with separate_release(cluster, "lumbung-upgrade") as release:
        cluster.helm("install", *_before(release, previous))
        release.wait_ready(READY_SECONDS)
        yield release


def _before(release, previous):
    """Arguments of the version before."""
    chart = previous / "charts" / "lumbung"
    values = ["--values", str(chart / "values-kind.yaml")]
    values += ["--values", str(previous / "build" / "images" / "values.yaml")]
    return [release.name, str(chart), "--namespace", release.namespace, *values]


def _upgrade(release, tmp_path, *more):
    """What became of 20 calls a second while the release changed."""
    with release.steady_load(tmp_path) as said:
        release.cluster.helm("upgrade", *release.arguments(*more))
        release.wait_ready(READY_SECONDS)
    return said


def test_services_first_and_no_call_fails(old_release, previous, tmp_path, figures):
    figures["rows_before_upgrade"] = old_release.main_job()
    kept = tmp_path / "servers.yaml"
    kept.write_text(yaml.safe_dump(server_images(previous)))
    said = _upgrade(old_release, tmp_path, "--values", str(kept))
    figures["upgrade_of_services"] = said
    assert said["failed"] == 0, said
    assert said["answered"] > 200


def test_then_the_servers_with_an_outage_of_seconds(old_release, tmp_path, figures):
    said = _upgrade(old_release, tmp_path)
    figures["upgrade_of_servers"] = said
    assert said["failed"] < OUTAGE_SECONDS * 20, said
    # The tables of the version before are still there, and this version's main job adds nothing twice.
    figures["rows_after_upgrade"] = old_release.main_job()
    before, after = _tables(figures["rows_before_upgrade"]), _tables(figures["rows_after_upgrade"])
    assert before.items() <= after.items()
    # What only this version declares has no rows yet.
    assert {after[name] for name in after.keys() - before.keys()} <= {"0"}


def test_the_version_before_works_after_a_rollback(old_release, figures):
    """On the schemas that this version has migrated."""
    old_release.cluster.helm("rollback", old_release.name, "1", "--namespace", old_release.namespace)
    old_release.wait_ready(READY_SECONDS)
    assert _tables(old_release.main_job()) == _tables(figures["rows_after_upgrade"])


def _tables(rows):
    """`name 12; other 3` as a dictionary."""
    return dict(entry.rsplit(" ", 1) for entry in rows.split("; "))
