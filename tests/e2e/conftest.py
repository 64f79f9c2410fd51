"""The command line of each role account, and datasets to practise on, in the loaded stack."""

from pathlib import Path

import pytest

from support.commandline import CommandLine
from support.practice import Practice

HERE = Path(__file__).parent
# The first test of all waits for the stack and for the main job.
SECONDS = 1800


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.stack)
            item.add_marker(pytest.mark.timeout(SECONDS))


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
