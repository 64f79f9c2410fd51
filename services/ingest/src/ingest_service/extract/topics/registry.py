"""A schema registry: Avro schemas by the number that stands before each message."""

import ssl
from collections import OrderedDict
from collections.abc import Iterable

import httpx

from ingest_service.domain.source import Registry
from ingest_service.extract.failures import away, credentials, refused

__all__ = ["MAGIC_BYTES", "SchemaRegistry", "schema_number"]

# A zero byte and the number of the schema, before each value.
MAGIC_BYTES = 5
_CACHED = 1000
_MAX_SCHEMA_BYTES = 1024 * 1024
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404


def schema_number(value: bytes) -> int | None:
    """The schema's number; None where the value does not begin as a message with a schema does."""
    if len(value) < MAGIC_BYTES or value[0] != 0:
        return None
    return int.from_bytes(value[1:MAGIC_BYTES], "big")


class SchemaRegistry:
    """Asks a registry; schemas never change, so that each is asked for once."""

    def __init__(
        self,
        registry: Registry,
        address: str,
        password: str | None,
        *,
        ca_file: str | None,
        timeout_seconds: float,
    ) -> None:
        tls = registry.tls == "verify"
        account = registry.account
        place = f"[{address}]" if ":" in address else address
        # Only the address that was looked at is spoken to; the name is for the certificate and the server.
        self._host = registry.host
        self._known: OrderedDict[int, str] = OrderedDict()
        self._client = httpx.Client(
            base_url=f"{'https' if tls else 'http'}://{place}:{registry.port}",
            headers={"Host": f"{registry.host}:{registry.port}", "Accept": "application/json"},
            auth=(account.user, password or "") if account is not None else None,
            verify=ssl.create_default_context(cafile=ca_file) if tls else False,
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    def schemas(self, numbers: Iterable[int]) -> dict[int, str | None]:
        """The schemas of these numbers; None where the registry has none for it, or none of Avro that stands alone.

        Raises:
            ExtractError: it does not answer, or lets nobody in.
        """
        return {number: self._schema(number) for number in sorted(set(numbers))}

    def _schema(self, number: int) -> str | None:
        if number not in self._known:
            found = self._ask(number)
            if found is None:
                # It may yet be registered: asked again with the next batch.
                return None
            self._known[number] = found
            if len(self._known) > _CACHED:
                self._known.popitem(last=False)
        self._known.move_to_end(number)
        return self._known[number]

    def _ask(self, number: int) -> str | None:
        path = f"/schemas/ids/{number}"
        try:
            with self._client.stream("GET", path, extensions={"sni_hostname": self._host}) as response:
                if response.status_code == _NOT_FOUND:
                    return None
                if response.status_code in {_UNAUTHORIZED, _FORBIDDEN}:
                    raise credentials(
                        "the registry's account", f"the registry answers {response.status_code}"
                    )
                if response.status_code != _OK:
                    raise away(f"the schema registry answers {response.status_code} for schema {number}")
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > _MAX_SCHEMA_BYTES:
                        raise refused(f"schema {number} has more than {_MAX_SCHEMA_BYTES} bytes")
            told = httpx.Response(_OK, content=bytes(body)).json()
        except (httpx.HTTPError, ValueError) as error:
            raise away(f"the schema registry gives no schema {number}: {error}") from error
        if not isinstance(told, dict) or not isinstance(told.get("schema"), str):
            raise away(f"the schema registry gives something else for schema {number}")
        if told.get("schemaType", "AVRO") != "AVRO" or told.get("references"):
            return None
        return str(told["schema"])
