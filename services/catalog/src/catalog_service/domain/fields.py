"""Reads the fields of a declaration and names the path of the one that is wrong."""

from collections.abc import Iterable, Mapping
from typing import Any

from catalog_service.domain.localized import Localized
from catalog_service.errors import DeclarationInvalidError

__all__ = ["Fields"]

MAX_TEXT = 8_000
MAX_ITEMS = 2_000


class Fields:
    """A mapping of a declaration with the path at which it stands."""

    def __init__(self, mapping: Mapping[Any, Any], where: str = "") -> None:
        self._mapping = mapping
        self._where = where

    def path(self, key: str) -> str:
        """The path of a key."""
        return f"{self._where}.{key}" if self._where else key

    def refuse(self, key: str, en: str, indonesian: str) -> DeclarationInvalidError:
        """The error for a wrong value of `key`."""
        return DeclarationInvalidError(self.path(key), en, indonesian)

    def __contains__(self, key: str) -> bool:
        return self._mapping.get(key) is not None

    def only(self, *known: str) -> None:
        """Refuses keys that the language does not have."""
        for key in self._mapping:
            if key not in known:
                choices = ", ".join(known)
                raise self.refuse(
                    str(key),
                    f"unknown key; known are {choices}.",
                    f"kunci tidak dikenal; yang dikenal: {choices}.",
                )

    def text(self, key: str, default: str | None = None) -> str:
        """A text; `default` where it is absent, an error where there is no default."""
        value = self._mapping.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT or "\x00" in value:
            raise self.refuse(
                key,
                f"a text of 1 to {MAX_TEXT} characters is needed.",
                f"perlu teks sepanjang 1 sampai {MAX_TEXT} huruf.",
            )
        return value.strip()

    def flag(self, key: str) -> bool:
        """True or false; false where it is absent."""
        value = self._mapping.get(key, False)
        if not isinstance(value, bool):
            raise self.refuse(key, "true or false is needed.", "perlu true atau false.")
        return value

    def whole(self, key: str) -> int:
        """A whole number."""
        value = self._mapping.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refuse(key, "a whole number is needed.", "perlu bilangan bulat.")
        return value

    def choice(self, key: str, choices: Iterable[str], default: str | None = None) -> str:
        """One of `choices`."""
        known = tuple(choices)
        value = self.text(key, default)
        if value not in known:
            listed = ", ".join(known)
            raise self.refuse(
                key,
                f"is {value!r}, not one of {listed}.",
                f"berisi {value!r}, bukan salah satu dari {listed}.",
            )
        return value

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of texts; empty where it is absent and not required."""
        value = self._mapping.get(key)
        if value is None and not required:
            return ()
        items: list[Any] = value if isinstance(value, list) else [None]
        good = all(isinstance(item, str) and item.strip() for item in items)
        if not good or (required and not items) or len(items) > MAX_ITEMS:
            raise self.refuse(key, "a list of texts is needed.", "perlu daftar teks.")
        if any("\x00" in item or len(item) > MAX_TEXT for item in items):
            raise self.refuse(key, "a text is too long.", "ada teks yang terlalu panjang.")
        return tuple(item.strip() for item in items)

    def localized(self, key: str, *, required: bool = True) -> Localized:
        """`{id: …, en: …}`; a single text stands for both languages."""
        value = self._mapping.get(key)
        if value is None and not required:
            return Localized()
        if isinstance(value, str):
            text = self.text(key)
            return Localized(text, text)
        inner = self.mapping(key)
        inner.only("id", "en")
        return Localized(inner.text("id"), inner.text("en"))

    def mapping(self, key: str) -> "Fields":
        """A mapping inside."""
        value = self._mapping.get(key)
        if not isinstance(value, dict):
            raise self.refuse(key, "a mapping is needed.", "perlu pasangan kunci dan isi.")
        return Fields(value, self.path(key))

    def mappings(self, key: str) -> list["Fields"]:
        """A list of mappings; empty where it is absent."""
        value = self._mapping.get(key)
        if value is None:
            return []
        if (
            not isinstance(value, list)
            or len(value) > MAX_ITEMS
            or not all(isinstance(item, dict) for item in value)
        ):
            raise self.refuse(key, "a list of mappings is needed.", "perlu daftar pasangan kunci dan isi.")
        return [Fields(item, f"{self.path(key)}[{index}]") for index, item in enumerate(value)]
