"""Hits on the wire."""

from catalog_service.service.search import Hit
from lumbung.catalog.v1 import search_service_pb2 as pb

__all__ = ["hit_to_proto"]

SNIPPET_CHARACTERS = 200


def hit_to_proto(hit: Hit, language: str) -> pb.AssetHit:
    """A hit with its texts in `language`, the description cut at a word."""
    about = hit.description.in_language(language)
    if len(about) > SNIPPET_CHARACTERS:
        about = about[:SNIPPET_CHARACTERS].rsplit(" ", 1)[0] + "…"
    return pb.AssetHit(
        name=hit.name, display_name=hit.display_name.in_language(language), snippet=about, score=hit.score
    )
