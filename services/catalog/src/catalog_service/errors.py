"""What the catalog tells a caller who cannot be served."""

from servicekit.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    Text,
    UnavailableError,
)

__all__ = [
    "AuditEntryInvalidError",
    "AuditLogBrokenError",
    "DeclarationInvalidError",
    "DeclareDeniedError",
    "DirectoryStaleError",
    "PageInvalidError",
    "ResourceNameInvalidError",
    "ResourceNotFoundError",
]

_SEE_LIST = Text(
    en="List what you may see with `lumbung datasets list`, or ask a steward for access.",
    id="Lihat yang boleh Anda ketahui dengan `lumbung datasets list`, atau minta akses kepada wali data.",
)


class DeclarationInvalidError(InvalidArgumentError):
    """A YAML declaration does not follow its language. `where` is the path of the key."""

    reason = "DECLARATION_INVALID"

    def __init__(self, where: str, en: str, indonesian: str) -> None:
        super().__init__(
            Text(en=f"Declaration, {where}: {en}", id=f"Deklarasi, {where}: {indonesian}"),
            Text(en="Correct it and apply it again.", id="Perbaiki lalu terapkan lagi."),
            field="declaration",
            metadata={"where": where},
        )


class ResourceNameInvalidError(InvalidArgumentError):
    """A resource name has the wrong form."""

    reason = "NAME_INVALID"

    def __init__(self, field: str, value: str, wanted: str) -> None:
        shown = value[:100]
        super().__init__(
            Text(en=f"{field} is {shown!r}.", id=f"{field} berisi {shown!r}."),
            Text(en=f"Write it as {wanted}.", id=f"Tuliskan sebagai {wanted}."),
            field=field,
        )


class ResourceNotFoundError(NotFoundError):
    """There is no such resource, or the caller may not know of it: both look the same."""

    reason = "RESOURCE_NOT_FOUND"

    def __init__(self, name: str) -> None:
        super().__init__(
            Text(en=f"There is no {name} for you.", id=f"{name} tidak ada bagi Anda."), _SEE_LIST
        )


class DeclareDeniedError(PermissionDeniedError):
    """An engineer declares a dataset that no policy lets them read or write."""

    reason = "DECLARE_DENIED"

    def __init__(self, name: str) -> None:
        super().__init__(
            Text(
                en=f"You may not declare {name}: no policy lets you read or write it.",
                id=f"Anda tidak berhak mendeklarasikan {name}: tidak ada kebijakan yang mengizinkan Anda membaca atau menulisnya.",
            ),
            Text(en="Ask a steward to apply it.", id="Minta wali data menerapkannya."),
        )


class PageInvalidError(InvalidArgumentError):
    """A page token or a page size is not usable."""

    reason = "PAGE_INVALID"

    def __init__(self, field: str) -> None:
        super().__init__(
            Text(en=f"{field} is not usable.", id=f"{field} tidak dapat dipakai."),
            Text(
                en="Take `next_page_token` of the answer before, and a size of 0 or more.",
                id="Pakai `next_page_token` dari jawaban sebelumnya, dan ukuran 0 atau lebih.",
            ),
            field=field,
        )


class AuditEntryInvalidError(InvalidArgumentError):
    """An entry cannot be kept as it is."""

    reason = "AUDIT_ENTRY_INVALID"

    def __init__(self, field: str, en: str, indonesian: str) -> None:
        super().__init__(
            Text(en=f"Audit entry, {field}: {en}", id=f"Catatan audit, {field}: {indonesian}"),
            Text(en="Correct the entry and send it again.", id="Perbaiki catatan lalu kirim lagi."),
            field=field,
        )


class AuditLogBrokenError(FailedPreconditionError):
    """The end of the log is not where it was recorded, so nothing may be appended."""

    reason = "AUDIT_LOG_BROKEN"

    def __init__(self) -> None:
        super().__init__(
            Text(
                en="The audit log does not end where it was recorded to end; nothing is appended to it.",
                id="Catatan audit tidak berakhir pada ujung yang tercatat; tidak ada yang ditambahkan.",
            ),
            Text(
                en="Tell an auditor, and run `lumbung audit verify`.",
                id="Beri tahu pemeriksa, dan jalankan `lumbung audit verify`.",
            ),
        )


class DirectoryStaleError(UnavailableError):
    """The policies in memory are older than allowed, since the database does not answer."""

    reason = "POLICIES_STALE"

    def __init__(self) -> None:
        super().__init__(
            Text(
                en="The catalog cannot see its database, so it decides nothing.",
                id="Katalog tidak dapat melihat basis datanya, sehingga tidak memutuskan apa pun.",
            ),
            Text(en="Try again in a moment.", id="Coba lagi sebentar."),
            retry_after_seconds=2.0,
        )
