"""The pages that mails were written for, kept once each: what left as HTML can be made again, byte for byte."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from sqlalchemy import Connection

from engine.store import rows_of

NO_PAGES: Mapping[str, str] = MappingProxyType({})
_KEEP = "INSERT INTO mail_page (digest, page) VALUES (?, ?) ON CONFLICT DO NOTHING"
_OF = "SELECT digest, page FROM mail_page WHERE digest IN {ids}"


def keep_pages(connection: Connection, pages: Mapping[str, str]) -> None:
    """Keep pages by their digests."""
    if pages:
        connection.exec_driver_sql(_KEEP, list(pages.items()))


def pages_of(connection: Connection, digests: Collection[str | None]) -> Mapping[str, str]:
    """Return the pages of these digests; there is none for None."""
    wanted = [digest for digest in digests if digest]
    return {str(digest): str(page) for digest, page in rows_of(connection, _OF, wanted)} if wanted else NO_PAGES
