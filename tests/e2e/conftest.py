"""The stack, loaded with the main job's data, and the command line of each role account."""

from pathlib import Path

import pytest

from support.commandline import CommandLine
from support.mainjob import is_loaded, run_main_job
from support.practice import Practice
from support.stack import run_stack

HERE = Path(__file__).parent
# The first test of all waits for the stack and for the main job.
SECONDS = 1800


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.timeout(SECONDS))


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


@pytest.fixture(scope="session")
def cli(stack, tmp_path_factory):
    """`cli(account)`: the command line, signed in as the account by `lumbung login`; `cli()`: as nobody."""
    known = {}

    def signed_in(account=""):
        if account not in known:
            home = tmp_path_factory.mktemp(f"home-{account or 'nobody'}")
            known[account] = CommandLine(home, {**stack.environment, "LUMBUNG_LANGUAGE": "en"})
            if account:
                known[account].ok("login", "--demo", account)
        return known[account]

    return signed_in


@pytest.fixture(scope="session")
def practice(loaded_stack):
    """Datasets that tests may write."""
    datasets = Practice(loaded_stack)
    datasets.declare()
    return datasets
