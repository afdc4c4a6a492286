"""The organisation's configuration: relance.toml and RELANCE_<SECTION>__<KEY> (INTERFACE § 2), checked and frozen.

Every refusal is one `BadConfiguration` on one line.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, model_validator

from api.settings_sections import (
    Board,
    Calendar,
    Database,
    Dues,
    Legal,
    Mail,
    MailMode,
    Organisation,
    Pages,
    Safety,
    Scheduler,
    Section,
    Webhooks,
)
from api.settings_sources import expand, explain, from_environment, merge, read_toml, refuse_secrets
from engine.errors import BadConfiguration

CONFIG_NAME = "relance.toml"
TEMPLATE = Path(__file__).with_name("config_template.toml")


class Settings(Section):
    """Everything that relance.toml says."""

    organisation: Organisation = Organisation()
    database: Database = Database()
    dues: Dues = Dues()
    calendar: Calendar = Calendar()
    board: Board = Board()
    legal: Legal = Legal()
    mail: Mail = Mail()
    webhooks: Webhooks = Webhooks()
    pages: Pages = Pages()
    safety: Safety = Safety()
    scheduler: Scheduler = Scheduler()

    @model_validator(mode="after")
    def _live_mail_has_a_sender(self) -> Self:
        if self.mail.mode is MailMode.LIVE and not self.sender:
            raise ValueError("mail.from_address: missing; live mail needs a sender")
        return self

    @property
    def sender(self) -> str:
        """The address that mail leaves from."""
        return self.mail.from_address or self.organisation.email


# --- loading ---------------------------------------------------------------------------------------------------------


def load_settings(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read relance.toml: `path`, else RELANCE_CONFIG, else the current folder's.

    The environment wins over the file, and `overrides` (tables, or dotted keys) over both. Relative files count
    from the folder of relance.toml. Raises BadConfiguration.
    """
    place = (path or Path(environ.get("RELANCE_CONFIG") or CONFIG_NAME)).absolute()
    written = read_toml(place)
    try:
        refuse_secrets(written)
        tables = merge(merge(written, from_environment(environ, _keys_by_section())), expand(overrides or {}))
        tables.setdefault("database", {})  # its default, too, is a file beside relance.toml
        return _validated(tables, environ, place.parent)
    except BadConfiguration as error:
        raise BadConfiguration(reason=f"{place}: {error.reason}") from error


def settings_from_mapping(mapping: Mapping[str, Any]) -> Settings:
    """Return the defaults with the keys of a scenario's [config] changed: tables, or dotted keys.

    Raises BadConfiguration.
    """
    tables = expand(mapping)
    refuse_secrets(tables)
    return _validated(tables, {}, None)


def config_template() -> str:
    """Return the commented relance.toml that `relance init` writes."""
    return TEMPLATE.read_text(encoding="utf-8")


def _validated(tables: Mapping[str, Any], environ: Mapping[str, str], folder: Path | None) -> Settings:
    try:
        return Settings.model_validate(tables, context={"folder": folder})
    except ValidationError as error:
        raise BadConfiguration(reason=explain(error, environ)) from None  # its values may be secrets


def _keys_by_section() -> dict[str, list[str]]:
    kinds = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {name: kind.keys() for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, Section)}
