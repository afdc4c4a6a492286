"""Who mails are for and who writes them: what the templates want to know, from the register and the configuration."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from api.settings import Settings
from engine.store import rows_of
from notifications.render import Letterhead

_MEMBERS = """SELECT i.id, i.subject, a.name, a.kind, a.contact_name, a.language, i.state, a.address, a.postcode,
    a.city, a.country FROM workflow_instance i JOIN association a ON a.instance_id = i.id WHERE i.id IN {ids}"""
_KNOWN = (
    *("number", "name", "kind", "contact_name", "language", "state"),
    *("address", "postcode", "city", "country"),
)
_CANDIDATES = _MEMBERS.replace("JOIN association a", "JOIN candidate a")


def members_of(connection: Connection, instance_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """Return what mails say of these members and candidates, by id."""
    rows = rows_of(connection, _MEMBERS, instance_ids)
    if len(rows) < len(instance_ids):
        rows += rows_of(connection, _CANDIDATES, instance_ids)
    return {row[0]: dict(zip(_KNOWN, row[1:], strict=True)) for row in rows}


def letterhead_of(settings: Settings) -> Letterhead:
    """Return who writes, from relance.toml."""
    organisation = settings.organisation
    return Letterhead(
        name=organisation.name,
        short_name=organisation.short_name,
        timezone=organisation.timezone,
        language=organisation.language.value,
        address=organisation.address,
        postcode=organisation.postcode,
        city=organisation.city,
        email=organisation.email,
        website=organisation.website,
        iban=organisation.iban,
        bic=organisation.bic,
        account_holder=organisation.account_holder,
        currency=settings.dues.currency,
        due_on=settings.dues.due_on,
        own_words=settings.mail.templates,
    )
