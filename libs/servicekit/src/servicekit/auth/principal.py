"""The caller of a request, as its verified token says."""

from contextvars import ContextVar
from dataclasses import dataclass

from servicekit.errors import Text, UnauthenticatedError

__all__ = ["Principal", "bind_principal", "current_principal"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls.

    `office` is a text code such as "32", "pusat" for the head office, or empty when the token has none.
    """

    subject: str
    username: str
    roles: frozenset[str]
    office: str = ""
    authorized_party: str = ""

    @property
    def is_service(self) -> bool:
        """Whether the caller is a service of the platform."""
        return "service" in self.roles


_current: ContextVar[Principal | None] = ContextVar("lumbung_principal", default=None)


def bind_principal(principal: Principal | None) -> None:
    """Sets the caller of the request that runs in this context."""
    _current.set(principal)


def current_principal() -> Principal:
    """The caller of the running request.

    Raises:
        UnauthenticatedError: outside a request, or in a request that needs no token.
    """
    principal = _current.get()
    if principal is None:
        raise UnauthenticatedError(
            Text(en="Nobody is signed in.", id="Belum ada yang masuk."),
            Text(
                en="Sign in with `lumbung login` and try again.",
                id="Masuk dengan `lumbung login`, lalu coba lagi.",
            ),
        )
    return principal
