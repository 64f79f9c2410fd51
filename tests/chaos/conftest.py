"""Tests that do harm to the checkout's stack; `make chaos` runs them, nothing else does."""

import pytest

SECONDS = 1800


def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.stack)
        item.add_marker(pytest.mark.timeout(SECONDS))
