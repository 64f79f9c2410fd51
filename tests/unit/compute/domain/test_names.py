"""Resource names and page tokens."""

import pytest

from compute_service.domain.names import (
    page_limit,
    parse_parent,
    parse_pipeline_name,
    parse_run_name,
    read_token,
    write_token,
)
from servicekit.errors import InvalidArgumentError


def test_names_are_read():
    assert parse_pipeline_name("pipelines/a_1") == "a_1"
    assert parse_run_name("pipelines/a/runs/20260101t000000-ab12") == ("a", "20260101t000000-ab12")
    assert parse_parent("pipelines/a") == "a"
    assert parse_parent("pipelines/-") is None
    assert [page_limit(size) for size in (0, 7, 10**6)] == [50, 7, 1000]
    assert read_token(write_token("kunci/ä")) == "kunci/ä"
    assert read_token("") == ""


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (parse_pipeline_name, "pipelines/"),
        (parse_pipeline_name, "pipelines/../x"),
        (parse_pipeline_name, "pipelines/a\n"),
        (parse_pipeline_name, "datasets/a"),
        (parse_run_name, "pipelines/a/runs/"),
        (parse_run_name, "pipelines/a/runs/R;DROP"),
        (parse_parent, "-"),
        (page_limit, -1),
        (read_token, "%%%"),
        (read_token, "_w"),
        (read_token, "ä"),
    ],
)
def test_what_is_no_name_is_refused(read, value):
    with pytest.raises(InvalidArgumentError) as caught:
        read(value)
    assert caught.value.field
