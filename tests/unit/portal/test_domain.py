from datetime import UTC, datetime

import pytest

from portal_service.domain import PartState, PlatformState, return_path
from portal_service.errors import BadReturnPathError


@pytest.mark.parametrize("wanted", [None, "", "/", "/portal/", "/portal/models/a-1"])
def test_own_pages_are_returned_to(wanted):
    assert return_path(wanted) == (wanted or "/")


@pytest.mark.parametrize(
    "wanted", ["//a", "/\\a", "http://a", "/portal//a\n", "/portal/..", "/v1/datasets", "portal/"]
)
def test_other_places_are_refused(wanted):
    with pytest.raises(BadReturnPathError):
        return_path(wanted)


def test_what_is_down_is_told_apart():
    state = PlatformState((PartState("a", up=True), PartState("b", up=False)), datetime.now(UTC))
    assert [part.name for part in state.down] == ["b"]
