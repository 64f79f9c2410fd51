"""Where sources may be, and with which secrets: only what the platform's settings list."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator

from pydantic import SecretStr

from ingest_service.domain.source import SourceDeclaration
from ingest_service.errors import SourceAwayError, SourceError
from ingest_service.settings import SourceSettings
from servicekit.errors import Text

__all__ = ["Places"]

_ASK = Text(
    en="Ask the platform team to allow it (sources.hosts in ingest's settings).",
    id="Mintalah tim sistem mengizinkannya (sources.hosts pada pengaturan ingest).",
)


class Places:
    """Hosts that may be spoken to, and the secrets that may be shown to each."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings

    def check(self, source: SourceDeclaration) -> None:
        """SourceError unless the platform may speak to the declared hosts with the declared secrets."""
        for host, port, secret in _declared(source):
            self._allowed(host, port, secret)

    def _allowed(self, host: str, port: int, secret: str | None) -> None:
        place = f"{host}:{port}"
        for known in self._settings.hosts:
            if (known.host.lower(), known.port) == (host.lower(), port):
                if secret is None or secret in known.secrets:
                    return
                raise SourceError(
                    Text(
                        en=f"The secret {secret} is not for {place}.",
                        id=f"Rahasia {secret} bukan untuk {place}.",
                    ),
                    _ASK,
                    reason="SOURCE_SECRET_NOT_ALLOWED",
                )
        raise SourceError(
            Text(
                en=f"The platform does not speak to {place}: it is not among the allowed hosts.",
                id=f"Sistem tidak menghubungi {place}: tidak termasuk host yang diizinkan.",
            ),
            _ASK,
            reason="SOURCE_HOST_NOT_ALLOWED",
        )

    def listed(self, secret: str | None) -> list[str]:
        """All places (host:port) that may see a secret; without one, all places."""
        hosts = self._settings.hosts
        return [f"{host.host}:{host.port}" for host in hosts if secret is None or secret in host.secrets]

    def secret(self, name: str) -> SecretStr:
        """The value of a secret.

        Raises:
            SourceError: the platform holds none of this name.
        """
        if name in self._settings.secrets:
            return self._settings.secrets[name]
        folder = self._settings.secrets_dir
        if folder is not None and (folder / name).is_file():
            return SecretStr((folder / name).read_text(encoding="utf-8").rstrip("\n"))
        raise SourceError(
            Text(en=f"The platform holds no secret {name}.", id=f"Sistem tidak mempunyai rahasia {name}."),
            _ASK,
            reason="SOURCE_SECRET_MISSING",
        )

    async def address(self, host: str, port: int) -> str:
        """The first usable address of an allowed host. A name never leads to this machine or to a link's own services."""
        place = f"{host}:{port}"
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise SourceAwayError(
                Text(
                    en=f"There is no address for {place}: {error}.",
                    id=f"Alamat {place} tidak ditemukan: {error}.",
                )
            ) from error
        named = [ipaddress.ip_address(str(entry[4][0])) for entry in found]
        for address in named:
            literal = str(address) == host or host == "localhost"
            hidden = address.is_link_local or address.is_multicast or address.is_unspecified
            if not hidden and (literal or not address.is_loopback):
                return str(address)
        raise SourceError(
            Text(
                en=f"{place} leads to {named[0]}, where no source may be.",
                id=f"{place} menuju {named[0]}, yang tidak boleh menjadi sumber.",
            ),
            _ASK,
            reason="SOURCE_HOST_NOT_ALLOWED",
        )


def _declared(source: SourceDeclaration) -> Iterator[tuple[str, int, str | None]]:
    """Host, port and secret of each place that a source speaks to."""
    if source.sql is not None:
        connection = source.sql.connection
        yield connection.host, connection.port, connection.password
    if source.kafka is not None:
        kafka, registry = source.kafka, source.kafka.registry
        yield kafka.bootstrap.host, kafka.bootstrap.port, kafka.account.password if kafka.account else None
        if registry is not None:
            yield registry.host, registry.port, registry.account.password if registry.account else None
