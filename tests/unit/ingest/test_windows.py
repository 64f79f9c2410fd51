"""When files are taken."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from ingest_service.domain.contract import Windows

JANUARY = {
    "opens": "2026-01-01T08:00",
    "deadline": "2026-01-10T17:00",
    "corrections_until": "2026-01-20T17:00",
    "offices": ["32"],
}
MARCH = {"opens": "2026-03-01T08:00", "deadline": "2026-03-10T17:00"}


def _windows(*periods, zone="Asia/Jakarta"):
    return Windows.model_validate({"time_zone": zone, "periods": list(periods)})


@pytest.mark.parametrize(
    ("moment", "correction", "office", "opened"),
    [
        ("2026-01-01T00:59:59", False, "32", False),
        ("2026-01-01T01:00:00", False, "32", True),
        ("2026-01-10T10:00:00", False, "32", True),
        ("2026-01-10T10:00:01", False, "32", False),
        ("2026-01-10T10:00:01", True, "32", True),
        ("2026-01-20T10:00:01", True, "32", False),
        ("2026-01-05T00:00:00", False, "33", False),
        ("2026-03-05T00:00:00", False, "33", True),
        ("2026-03-05T00:00:00", True, "", True),
    ],
)
def test_a_window_is_open_to_the_minute_in_its_zone(moment, correction, office, opened):
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    refusal = _windows(JANUARY, MARCH).refusal(office, now, correction=correction)
    assert (refusal is None) == opened


def test_the_refusal_names_the_next_window_else_the_last():
    windows = _windows(JANUARY, MARCH)
    between = windows.refusal("32", datetime(2026, 2, 1, tzinfo=UTC), correction=False)
    assert "2026-03-01T08:00 to 2026-03-10T17:00 (Asia/Jakarta)" in between.en
    assert "sekarang 2026-02-01T07:00" in between.id
    late = windows.refusal("32", datetime(2026, 4, 1, tzinfo=UTC), correction=True)
    assert "2026-03-10T17:00" in late.en
    assert late.en.startswith("Corrections")
    nobody = _windows(JANUARY).refusal("33", datetime(2026, 1, 5, tzinfo=UTC), correction=False)
    assert "no window for the office 33" in nobody.en


@pytest.mark.parametrize(
    ("periods", "zone"),
    [
        ([MARCH], "Asia/Nowhere"),
        ([MARCH], "../etc/passwd"),
        ([MARCH | {"opens": "2026-03-01"}], "Asia/Jakarta"),
        ([MARCH | {"opens": "2026-03-31T00:00"}], "Asia/Jakarta"),
        ([MARCH | {"corrections_until": "2026-03-05T00:00"}], "Asia/Jakarta"),
        ([MARCH | {"office": ["32"]}], "Asia/Jakarta"),
        ([], "Asia/Jakarta"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused(periods, zone):
    with pytest.raises(ValidationError):
        _windows(*periods, zone=zone)
