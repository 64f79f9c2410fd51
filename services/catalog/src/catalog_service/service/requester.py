"""From a verified caller to what policies look at."""

from catalog_service.domain.policy import Requester
from servicekit.auth import Principal

__all__ = ["requester_of"]


def requester_of(principal: Principal) -> Requester:
    """The roles and the office of a caller."""
    return Requester(principal.roles, principal.office)
