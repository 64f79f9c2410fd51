"""Why a source was not read."""

from ingest_service.extract.job import ExtractFailure

__all__ = [
    "ExtractError",
    "away",
    "credentials",
    "messages_lost",
    "refused",
    "schema_changed",
    "slow",
    "too_large",
    "topic_changed",
    "untrusted",
]


class ExtractError(Exception):
    """A reading that came to nothing; `failure` says why."""

    def __init__(self, failure: ExtractFailure) -> None:
        super().__init__(failure.message_en)
        self.failure = failure


def _failure(
    reason: str, en: str, indonesian: str, remedy_en: str, remedy_id: str, *, lasting: bool
) -> ExtractError:
    return ExtractError(
        ExtractFailure(
            reason=reason,
            lasting=lasting,
            message_en=en,
            message_id=indonesian,
            remedy_en=remedy_en,
            remedy_id=remedy_id,
        )
    )


def away(said: str) -> ExtractError:
    """The server does not answer, or went away half way."""
    return _failure(
        "SOURCE_AWAY",
        f"The source does not answer: {said}.",
        f"Sumber tidak menjawab: {said}.",
        "It is tried again; ask the owner of the system if it lasts.",
        "Akan dicoba lagi; hubungi pemilik sistem bila berlanjut.",
        lasting=False,
    )


def slow(seconds: int) -> ExtractError:
    """A statement took too long."""
    return _failure(
        "SOURCE_SLOW",
        f"A statement took more than {seconds} s (throttle.statement_seconds).",
        f"Satu pernyataan berjalan lebih dari {seconds} d (throttle.statement_seconds).",
        "Give it more time, read smaller chunks, or have an index made on the column.",
        "Beri waktu lebih, baca bagian lebih kecil, atau minta indeks pada kolomnya.",
        lasting=False,
    )


def credentials(user: str, said: str) -> ExtractError:
    """The server does not let this user in."""
    return _failure(
        "SOURCE_CREDENTIALS",
        f"The source does not let {user} in: {said}.",
        f"Sumber menolak {user}: {said}.",
        "Check user, database and the secret's value; then retry the run.",
        "Periksa pengguna, basis data, dan isi rahasianya; lalu ulangi run ini.",
        lasting=True,
    )


def untrusted(said: str) -> ExtractError:
    """The server cannot show that it is the one that is meant."""
    return _failure(
        "SOURCE_UNTRUSTED",
        f"The source does not prove who it is: {said}.",
        f"Sumber tidak membuktikan identitasnya: {said}.",
        "Check host and certificate; an authority of your own goes into sources.ca_file of ingest's settings.",
        "Periksa host dan sertifikatnya; otoritas sendiri ditulis pada sources.ca_file pengaturan ingest.",
        lasting=True,
    )


def refused(said: str) -> ExtractError:
    """The server refuses the statement."""
    return _failure(
        "SOURCE_REFUSED",
        f"The source refuses to be read like this: {said}.",
        f"Sumber menolak dibaca demikian: {said}.",
        "Correct the source's declaration, or ask for the right to read.",
        "Perbaiki deklarasi sumber, atau mintalah hak baca.",
        lasting=True,
    )


def schema_changed(what_en: str, what_id: str) -> ExtractError:
    """The table is not what the contract or an earlier chunk knows."""
    return _failure(
        "SOURCE_SCHEMA_CHANGED",
        what_en,
        what_id,
        "Bring contract and source into step, then retry the run.",
        "Selaraskan kontrak dan sumber, lalu ulangi run ini.",
        lasting=True,
    )


def too_large(limit: int) -> ExtractError:
    """More bytes than one chunk may have."""
    return _failure(
        "SOURCE_TOO_LARGE",
        f"One chunk has more than {limit} bytes (sources.max_chunk_bytes).",
        f"Satu bagian lebih dari {limit} bita (sources.max_chunk_bytes).",
        "Read incrementally with smaller chunk_rows, or have the limit raised.",
        "Baca bertahap dengan chunk_rows lebih kecil, atau minta batasnya dinaikkan.",
        lasting=True,
    )


def messages_lost(partition: int, wanted: int, oldest: int) -> ExtractError:
    """Messages were deleted from the topic before they were read."""
    return _failure(
        "SOURCE_MESSAGES_LOST",
        f"Partition {partition} was read up to offset {wanted}, and the topic begins at {oldest}: {oldest - wanted} offsets are gone.",
        f"Partisi {partition} dibaca sampai offset {wanted}, sedangkan topik mulai dari {oldest}: {oldest - wanted} offset hilang.",
        "Have the topic keep its messages longer; to go on behind the gap, apply the source with `lost: skip`.",
        "Perpanjang masa simpan topik; untuk melanjutkan setelah celah, terapkan sumber dengan `lost: skip`.",
        lasting=True,
    )


def topic_changed(what_en: str, what_id: str) -> ExtractError:
    """The topic is not the one that was read before."""
    return _failure(
        "SOURCE_TOPIC_CHANGED",
        f"This is not the topic that was read before: {what_en}.",
        f"Ini bukan topik yang dibaca sebelumnya: {what_id}.",
        "If it was made anew on purpose, apply the source with `generation` raised by one: it is then read from `start` on.",
        "Bila memang dibuat ulang, terapkan sumber dengan `generation` ditambah satu: topik dibaca lagi mulai dari `start`.",
        lasting=True,
    )
