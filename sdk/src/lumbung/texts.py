"""The sentences that the client and the command line make themselves, in both languages of the house.

What the platform says comes from the platform in the caller's language; this is for what goes wrong before that.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["in_language", "say", "use_language"]

_language: ContextVar[str] = ContextVar("lumbung_language", default="en")

# key: (English, Indonesian); names in braces are filled in by `say`.
_TEXTS: dict[str, tuple[str, str]] = {
    "no_answer": (
        "The platform does not answer. See `lumbung status` and try again. ({cause})",
        "Platform tidak menjawab. Lihat `lumbung status`, lalu coba lagi. ({cause})",
    ),
    "gateway_silent": (
        "The gateway at {gateway} does not answer. On a laptop: `make up`.",
        "Gerbang di {gateway} tidak menjawab. Di laptop: `make up`.",
    ),
    "not_signed_in": (
        "You are not signed in, or the sign-in has expired. Run `lumbung login` and try again. ({cause})",
        "Anda belum masuk atau sesi sudah kedaluwarsa. Jalankan `lumbung login`, lalu coba lagi. ({cause})",
    ),
    "not_allowed": (
        "Your account may not do this; `lumbung status` shows its roles. Ask an administrator. ({cause})",
        "Akun Anda tidak berhak melakukan ini; `lumbung status` menampilkan perannya. Hubungi administrator. ({cause})",
    ),
    "too_slow": (
        "The platform did not answer in time. Try again, or ask for less. ({cause})",
        "Platform tidak menjawab tepat waktu. Coba lagi, atau minta lebih sedikit. ({cause})",
    ),
    "sign_in_silent": (
        "The sign-in service at {issuer} does not answer ({cause}). See `lumbung status`.",
        "Layanan masuk di {issuer} tidak menjawab ({cause}). Lihat `lumbung status`.",
    ),
    "dataset_is_new": (
        "{dataset} is not there yet, as far as you may know: nobody depends on it.",
        "{dataset} belum ada, sejauh yang boleh Anda ketahui: belum ada yang bergantung padanya.",
    ),
    "dataset_readers": (
        "Made of it: {readers}; and {hidden} that you may not see.",
        "Dibuat darinya: {readers}; dan {hidden} yang tidak boleh Anda lihat.",
    ),
    "drafted": (
        "Drafted from {rows} rows, of which {bad} would be refused; {doubts} remarks to look through.",
        "Dirancang dari {rows} baris, {bad} di antaranya akan ditolak; {doubts} catatan perlu diperiksa.",
    ),
    "sign_in_refused": ("Sign-in was refused: {cause}.", "Permintaan masuk ditolak: {cause}."),
    "sign_in_denied": (
        "The sign-in was declined in the browser. Run `lumbung login` again if that was a mistake.",
        "Permintaan masuk ditolak di peramban. Jalankan `lumbung login` lagi bila itu keliru.",
    ),
    "sign_in_expired": (
        "Nobody confirmed the sign-in in time. Run `lumbung login` again.",
        "Permintaan masuk tidak dikonfirmasi tepat waktu. Jalankan `lumbung login` lagi.",
    ),
    "confirm_sign_in": (
        "Open {url}\nand confirm the code {code}",
        "Buka {url}\nlalu konfirmasi kode {code}",
    ),
    "no_role_accounts": (
        "There is no local stack here, so there are no role accounts. Use `lumbung login`.",
        "Tidak ada platform lokal di sini, jadi tidak ada akun peran. Gunakan `lumbung login`.",
    ),
    "account_unknown": (
        "The local stack has no account {account!r}. It has: {known}.",
        "Platform lokal tidak punya akun {account!r}. Yang ada: {known}.",
    ),
    "submission_slow": (
        "{name} is still not done after {seconds:.0f} s. Look again with `lumbung submissions show`.",
        "{name} belum selesai setelah {seconds:.0f} detik. Lihat lagi dengan `lumbung submissions show`.",
    ),
    "suffix_unknown": (
        "{file} has to end in one of {names}.",
        "{file} harus berakhiran salah satu dari {names}.",
    ),
    "certify_question": (
        "Certify these rows and totals?",
        "Sahkan baris dan jumlah ini?",
    ),
    "digest_missing": (
        "Say what you certify: --digest with the content_digest that `lumbung submissions show {name}` prints.",
        "Sebutkan yang disahkan: --digest dengan content_digest dari `lumbung submissions show {name}`.",
    ),
    "run_slow": (
        "{name} still runs after {seconds:.0f} s. Look again with `lumbung runs show {name}`.",
        "{name} masih berjalan setelah {seconds:.0f} detik. Lihat lagi dengan `lumbung runs show {name}`.",
    ),
    "source_run_slow": (
        "{name} still runs after {seconds:.0f} s. Look again with `lumbung sources show {name}`.",
        "{name} masih berjalan setelah {seconds:.0f} detik. Lihat lagi dengan `lumbung sources show {name}`.",
    ),
    "upload_stuck": (
        "{name} stays at {offset} bytes however often it is sent. Send the file again with another request id.",
        "{name} tetap pada {offset} bita meski dikirim berulang. Kirim lagi dengan id permintaan lain.",
    ),
    "file_changed": (
        "{file} changed while it was sent. Send it again when it is complete.",
        "{file} berubah saat dikirim. Kirim lagi setelah berkas lengkap.",
    ),
    "answer_cut": (
        "The answer ended before it was complete. Run the query again. ({cause})",
        "Jawaban terputus sebelum lengkap. Jalankan kueri lagi. ({cause})",
    ),
    "tensor_wrong": (
        "The tensor {name!r} is wrong: {cause}.",
        "Tensor {name!r} salah: {cause}.",
    ),
    "declaration_not_yaml": ("{file} is not YAML: {cause}.", "{file} bukan YAML: {cause}."),
    "declaration_no_kind": (
        "{file} is no declaration: it has no `kind`.",
        "{file} bukan deklarasi: tidak ada `kind`.",
    ),
    "declaration_kind": (
        "{file} has the kind {kind!r}; known are {known}.",
        "{file} berjenis {kind!r}; yang dikenal: {known}.",
    ),
    "no_declarations": (
        "{file} holds no declarations (files `*.yaml` with a `kind`).",
        "{file} tidak berisi deklarasi (berkas `*.yaml` dengan `kind`).",
    ),
    "stack_unreadable": (
        "{file} is not the description of a local stack: {cause}.",
        "{file} bukan deskripsi platform lokal: {cause}.",
    ),
    "trace_id_wrong": (
        "{trace_id!r} is not 32 hexadecimal digits.",
        "{trace_id!r} bukan 32 digit heksadesimal.",
    ),
    "trace_unknown": (
        "The trace store has no trace {trace_id}.",
        "Penyimpan jejak tidak punya jejak {trace_id}.",
    ),
    "trace_store_silent": (
        "The trace store does not answer: {cause}.",
        "Penyimpan jejak tidak menjawab: {cause}.",
    ),
    "no_local_stack": (
        "There is no local stack here; ask your own trace store.",
        "Tidak ada platform lokal di sini; gunakan penyimpan jejak Anda sendiri.",
    ),
    "rows_withheld": ("rows withheld by policy", "sebagian baris ditahan oleh kebijakan"),
    "masked": ("masked: {columns}", "disamarkan: {columns}"),
    "as_of": ("{dataset} as of {time}", "{dataset} per {time}"),
    "cut": (
        "cut after {rows} rows; ask for more with --max-rows",
        "dipotong setelah {rows} baris; minta lebih banyak dengan --max-rows",
    ),
    "hidden_assets": (
        "{count} more assets are hidden from you",
        "{count} aset lain tidak boleh Anda lihat",
    ),
    "no_rows": ("no rows", "tidak ada baris"),
    "nothing_wrong": (
        "Nothing is wrong that can be seen from here.",
        "Dari sini tidak terlihat ada yang salah.",
    ),
    "see_help": ("See `{command} --help`.", "Lihat `{command} --help`."),
    "output_unknown": (
        "LUMBUNG_OUTPUT is {value!r}; it may be table or json.",
        "LUMBUNG_OUTPUT berisi {value!r}; yang boleh: table atau json.",
    ),
    "not_text": (
        "The input is not UTF-8 text: {cause}.",
        "Masukan bukan teks UTF-8: {cause}.",
    ),
    "unexpected": (
        "The command failed in a way that it should not: {cause}. Tell the platform team.",
        "Perintah gagal secara tak terduga: {cause}. Sampaikan kepada tim platform.",
    ),
}


def say(key: str, /, **values: object) -> str:
    """The sentence `key` in the language in use."""
    english, indonesian = _TEXTS[key]
    return (indonesian if _language.get() == "id" else english).format(**values)


def use_language(language: str) -> None:
    """Sets the language, "id" or "en", of what follows in this context."""
    _language.set(language)


@contextmanager
def in_language(language: str) -> Iterator[None]:
    """Sets the language for a while."""
    before = _language.set(language)
    try:
        yield
    finally:
        _language.reset(before)
