"""Fixtures: the checkout's running stack, with the main job's data in it."""

import pytest

from support.mainjob import is_loaded, run_main_job
from support.stack import run_stack

__all__ = ["first_run", "loaded_stack", "stack"]


@pytest.fixture(scope="session")
def stack():
    """The checkout's own stack."""
    with run_stack() as running:
        yield running


@pytest.fixture(scope="session")
def first_run(stack):
    """The main job's table when it had to be run, else None."""
    return None if is_loaded(stack) else run_main_job(stack)


@pytest.fixture(scope="session")
def loaded_stack(stack, first_run):
    """The stack with the main job's tables, policies and model in it."""
    return stack
