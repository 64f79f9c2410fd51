import re

import pytest

from gateway_service.templates import lua_pattern, regex


@pytest.mark.parametrize(
    ("template", "matching", "other"),
    [
        ("/v1/datasets", "/v1/datasets", "/v1/datasets/a"),
        ("/v1/{name=datasets/*}", "/v1/datasets/a", "/v1/datasets/a/b"),
        ("/v1/{name=pipelines/*/runs/*}:cancel", "/v1/pipelines/p/runs/r:cancel", "/v1/pipelines/p/runs/r"),
        ("/v1/{name}", "/v1/a", "/v1/a/b"),
        ("/v1/{name=files/**}", "/v1/files/a/b/c", "/v1/files"),
        ("/v1/a.b", "/v1/a.b", "/v1/aXb"),
    ],
)
def test_a_template_matches_its_paths_only(template, matching, other):
    assert re.fullmatch(regex(template), matching)
    assert not re.fullmatch(regex(template), other)


def test_lua_patterns_escape_what_lua_reads_as_magic():
    assert lua_pattern("/v1/{name=models/*}:un-deploy") == "^/v1/models/[^/:]+:un%-deploy$"
