import pytest

from support.helm import PROFILES, Helm, helm_or_skip


@pytest.fixture(scope="session")
def helm() -> Helm:
    return helm_or_skip()


@pytest.fixture(scope="session")
def rendered(helm):
    """Objects of each profile."""
    return {name: helm.profile(name) for name in ("default", *PROFILES)}


@pytest.fixture(params=["default", *PROFILES])
def objects(request, rendered):
    return rendered[request.param]
