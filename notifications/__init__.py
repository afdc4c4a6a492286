"""Everything that leaves the house: texts of mails, rendered into the outbox."""

from notifications.outbox import Lookup, render_in, render_pending
from notifications.render import LANGUAGES, Letterhead, Renderer, Text, check_templates
from notifications.typography import fr_typo

__all__ = [
    "LANGUAGES",
    "Letterhead",
    "Lookup",
    "Renderer",
    "Text",
    "check_templates",
    "fr_typo",
    "render_in",
    "render_pending",
]
