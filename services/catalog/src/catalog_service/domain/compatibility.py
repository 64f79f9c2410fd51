"""What a new declaration of a dataset changes, and for whom: those who send files, or those who read the table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from catalog_service.domain.columntypes import widens
from catalog_service.domain.localized import Localized

__all__ = ["Change", "Concern", "changes_between"]

Document = Mapping[str, Any]

# Keys of a column by which a file is read; a sender whose file was good may find it refused.
_READ_BY = ("source", "carry", "derive", "map", "pattern", "pad", "style", "round", "null_values")


class Concern(Enum):
    """Whom a change breaks."""

    SENDERS = "senders"
    READERS = "readers"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Change:
    """One change; `path` is that of the declaration, such as `contract.columns.budget.type`."""

    path: str
    concern: Concern
    text: Localized


def changes_between(before: Document, after: Document) -> list[Change]:
    """Changes of what a dataset promises, in the order of the new declaration; texts for people are left out."""
    old, new = before["contract"], after["contract"]
    return [
        *_tags("tags", before, after),
        *_columns(_by_name(old["columns"]), _by_name(new["columns"])),
        *_format(old, new),
        *_rules(_by_id(old.get("rules")), _by_id(new.get("rules"))),
        *_control_totals(_by_id(old.get("control_totals")), _by_id(new.get("control_totals"))),
        *_publish(old, new),
    ]


def _by_name(columns: Any) -> dict[str, Document]:
    return {column["name"]: column for column in columns}


def _by_id(entries: Any) -> dict[str, Document]:
    return {entry["id"]: entry for entry in entries or ()}


def _tags(path: str, before: Document, after: Document) -> Iterator[Change]:
    old, new = (set(document.get("tags") or ()) for document in (before, after))
    if old != new:
        told = ", ".join([f"+{tag}" for tag in sorted(new - old)] + [f"-{tag}" for tag in sorted(old - new)])
        yield Change(
            path,
            Concern.READERS,
            Localized(
                id=f"Label berubah ({told}): kebijakan menentukan pembaca menurut label.",
                en=f"Tags change ({told}): policies say by tag who reads.",
            ),
        )


def _columns(before: Mapping[str, Document], after: Mapping[str, Document]) -> Iterator[Change]:
    for name in before.keys() - after.keys():
        if not before[name].get("temporary"):
            yield Change(
                f"contract.columns.{name}",
                Concern.READERS,
                Localized(id="Kolom dihapus.", en="The column is removed."),
            )
    for name, column in after.items():
        path = f"contract.columns.{name}"
        if name in before:
            yield from _column(path, before[name], column)
        elif column.get("derive") or column.get("carry"):
            yield Change(
                path,
                Concern.NOBODY,
                Localized(id="Kolom baru, dihitung.", en="A new column, which is computed."),
            )
        else:
            yield Change(
                path,
                Concern.SENDERS,
                Localized(
                    id="Kolom baru: berkas harus memuatnya.",
                    en="A new column: files have to bring it.",
                ),
            )


def _column(path: str, before: Document, after: Document) -> Iterator[Change]:
    old, new = before["type"], after["type"]
    if old != new:
        wider = widens(old, new)
        yield Change(
            f"{path}.type",
            Concern.NOBODY if wider else Concern.READERS,
            Localized(
                id=f"Jenis {old} menjadi {new}" + (", yang lebih luas." if wider else "."),
                en=f"The type {old} becomes {new}" + (", which is wider." if wider else "."),
            ),
        )
    if bool(before.get("key")) != bool(after.get("key")):
        yield Change(
            f"{path}.key",
            Concern.READERS,
            Localized(
                id="Kunci berubah: yang menghitung atau menggabungkan menurut kunci mendapat hasil lain.",
                en="The key changes: who counts or joins by it gets something else.",
            ),
        )
    yield from _required(path, before, after)
    if before.get("unit", "") != after.get("unit", ""):
        yield Change(
            f"{path}.unit",
            Concern.READERS,
            Localized(
                id=f"Satuan {before.get('unit') or '-'} menjadi {after.get('unit') or '-'}: angka yang sama berarti lain.",
                en=f"The unit {before.get('unit') or '-'} becomes {after.get('unit') or '-'}: the same number means something else.",
            ),
        )
    yield from _allowed(path, before, after)
    yield from _tags(f"{path}.tags", before, after)
    for key in _READ_BY:
        if before.get(key) != after.get(key):
            yield Change(
                f"{path}.{key}",
                Concern.SENDERS,
                Localized(
                    id="Cara membaca berkas berubah: berkas yang semula sah dapat ditolak.",
                    en="Files are read otherwise: one that was good may be refused.",
                ),
            )


def _required(path: str, before: Document, after: Document) -> Iterator[Change]:
    old, new = (bool(column.get("required") or column.get("key")) for column in (before, after))
    if new and not old:
        yield Change(
            f"{path}.required",
            Concern.SENDERS,
            Localized(id="Nilai kosong kini ditolak.", en="An empty value is refused from now on."),
        )
    elif old and not new:
        yield Change(
            f"{path}.required",
            Concern.READERS,
            Localized(id="Nilai kosong kini mungkin ada.", en="There may be empty values from now on."),
        )


def _allowed(path: str, before: Document, after: Document) -> Iterator[Change]:
    old, new = before.get("allowed"), after.get("allowed")
    if old == new:
        return
    if new is not None and (old is None or set(old) - set(new)):
        yield Change(
            f"{path}.allowed",
            Concern.SENDERS,
            Localized(
                id="Sebagian nilai tidak lagi diperbolehkan.",
                en="Some values are no longer allowed.",
            ),
        )
    if old is not None and (new is None or set(new) - set(old)):
        yield Change(
            f"{path}.allowed",
            Concern.READERS,
            Localized(
                id="Nilai baru mungkin muncul, yang belum dikenal pembaca.",
                en="New values may come, which readers do not know.",
            ),
        )


def _format(before: Document, after: Document) -> Iterator[Change]:
    old, new = before.get("format"), after.get("format")
    if old == new:
        return
    if new is None:
        text = Localized(id="Berkas tidak lagi diterima.", en="Files are no longer taken.")
    elif old is None:
        yield Change(
            "contract.format",
            Concern.NOBODY,
            Localized(id="Berkas kini diterima.", en="Files are taken from now on."),
        )
        return
    else:
        text = Localized(
            id="Bentuk berkas berubah: berkas lama dapat ditolak.",
            en="The form of files changes: an old one may be refused.",
        )
    yield Change("contract.format", Concern.SENDERS, text)


def _rules(before: Mapping[str, Document], after: Mapping[str, Document]) -> Iterator[Change]:
    weights = ("warning", "error", "fatal")
    for name in sorted(before.keys() - after.keys()):
        yield Change(
            f"contract.rules.{name}",
            Concern.READERS,
            Localized(
                id="Aturan dihapus: satu janji berkurang.", en="The rule is removed: one promise less."
            ),
        )
    for name, rule in after.items():
        path = f"contract.rules.{name}"
        old = before.get(name)
        if old is None:
            stricter = rule["severity"] != "warning"
            yield Change(
                path,
                Concern.SENDERS if stricter else Concern.NOBODY,
                Localized(
                    id=f"Aturan baru ({rule['severity']}).",
                    en=f"A new rule ({rule['severity']}).",
                ),
            )
        elif weights.index(rule["severity"]) != weights.index(old["severity"]):
            stricter = weights.index(rule["severity"]) > weights.index(old["severity"])
            yield Change(
                f"{path}.severity",
                Concern.SENDERS if stricter else Concern.READERS,
                Localized(
                    id=f"Bobot {old['severity']} menjadi {rule['severity']}.",
                    en=f"The severity {old['severity']} becomes {rule['severity']}.",
                ),
            )
        if old is not None and any(rule.get(key) != old.get(key) for key in ("check", "when", "let")):
            yield Change(
                f"{path}.check",
                Concern.SENDERS,
                Localized(
                    id="Aturan memeriksa hal lain: baris yang semula sah dapat ditolak.",
                    en="The rule checks something else: a row that was good may be refused.",
                ),
            )


def _control_totals(before: Mapping[str, Document], after: Mapping[str, Document]) -> Iterator[Change]:
    for name in sorted(before.keys() - after.keys()):
        yield Change(
            f"contract.control_totals.{name}",
            Concern.READERS,
            Localized(id="Total kendali dihapus.", en="The control total is removed."),
        )
    for name, total in after.items():
        if name in before and before[name] != total:
            yield Change(
                f"contract.control_totals.{name}",
                Concern.READERS,
                Localized(
                    id="Total kendali menjumlahkan hal lain.", en="The control total sums something else."
                ),
            )


def _publish(before: Document, after: Document) -> Iterator[Change]:
    old, new = (contract.get("publish") or {} for contract in (before, after))
    if old != new:
        yield Change(
            "contract.publish",
            Concern.READERS,
            Localized(
                id="Cara terbit berubah: kiriman berikutnya mengganti atau menambah baris lain dari sebelumnya.",
                en="Publication changes: the next submission replaces or adds other rows than before.",
            ),
        )
