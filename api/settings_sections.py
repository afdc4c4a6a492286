"""The sections of relance.toml, one class each, with the defaults of PRODUCT §§ 3–5."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from api import settings_values as kinds
from engine.ballots import Base, QuorumCounts
from engine.calendar import ends_too_late
from engine.errors import BadConfiguration
from engine.rules import Mode


class Language(StrEnum):
    """Languages of pages, mails and letters."""

    FRENCH = "fr"
    ENGLISH = "en"


class MailMode(StrEnum):
    """Whether mail is kept for reading, or leaves (the database's own switch must say live too)."""

    CAPTURE = "capture"
    LIVE = "live"


class Tls(StrEnum):
    """How the connection to the mail server is encrypted."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


class Section(BaseModel):
    """A table of relance.toml: frozen, without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def keys(cls) -> list[str]:
        """Return the keys as they are written in the file."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @model_validator(mode="before")
    @classmethod
    def _name_the_unknown_key(cls, given: object) -> object:
        """Refuse an unknown key by name, with what it may have been meant to be."""
        known = cls.keys()
        for key in given if isinstance(given, Mapping) else ():
            if key not in known:
                raise PydanticCustomError("unknown_key", "unknown key", {"key": key, "known": known})
        return given


class Organisation(Section):
    """Who writes: the head of every mail, letter and call for dues."""

    name: kinds.Name = "Notre association"
    short_name: kinds.Line = ""
    timezone: kinds.TimeZoneName = "Europe/Paris"
    language: Language = Language.FRENCH
    address: kinds.Paragraph = ""
    postcode: kinds.Line = ""
    city: kinds.Line = ""
    email: kinds.Email = ""
    website: kinds.Url = ""
    iban: kinds.Iban = ""
    bic: kinds.Bic = ""
    account_holder: kinds.Line = ""

    @property
    def tz(self) -> ZoneInfo:
        """The time zone in which every date and hour of the configuration is meant."""
        return ZoneInfo(self.timezone)


class Database(Section):
    """Where everything is kept. A relative SQLite file is beside relance.toml."""

    # Not shown: a PostgreSQL address may hold a password.
    url: kinds.DatabaseUrl = Field(default="sqlite:///relance.db", repr=False, validate_default=True)


class Dues(Section):
    """What a year costs, and until when it is to be paid."""

    association: kinds.Money = "20.00"
    person: kinds.Money = "10.00"
    currency: kinds.Currency = "EUR"
    due_on: kinds.MonthDay = "01-31"

    @property
    def association_cents(self) -> int:
        """What an association owes for a year, in cents."""
        return kinds.cents(self.association)

    @property
    def person_cents(self) -> int:
        """What a person owes for a year, in cents."""
        return kinds.cents(self.person)

    @property
    def due_month_day(self) -> tuple[int, int]:
        """Month and day until which the dues of a year are to be paid."""
        return kinds.month_and_day(self.due_on)


class Step(Section):
    """One yearly step: when, until when it is still run by itself, and whether it acts."""

    month: kinds.Month
    day: kinds.Day
    hour: kinds.Hour = 9
    minute: kinds.Minute = 0
    until: kinds.MonthDay
    mode: Mode = Mode.ACT

    @field_validator("day")
    @classmethod
    def _comes_every_year(cls, day: int | str, info: ValidationInfo) -> int | str:
        return kinds.in_every({info.data["month"]}, day) if "month" in info.data else day

    @field_validator("until")
    @classmethod
    def _ends_after_it_begins(cls, until: str, info: ValidationInfo) -> str:
        known = {"month", "day"} <= info.data.keys()
        if known and ends_too_late(info.data["month"], info.data["day"], kinds.month_and_day(until)):
            text = (
                f"got {kinds.shown(until)}, which is before the step's own day; expected a later day of the same year"
            )
            raise ValueError(f"{text}, or of the next within half a year")
        return until

    @property
    def until_month_day(self) -> tuple[int, int]:
        """Month and day of the last day of the step's window."""
        return kinds.month_and_day(self.until)


class Calendar(Section):
    """The assembly's year. A table that changes one key of a step keeps the others."""

    call: Step = Step(month=12, day=1, until="02-28")
    campaign: Step = Step(month=1, day=15, until="03-31")
    remind: Step = Step(month=6, day=1, until="08-15")
    suspend: Step = Step(month=9, day=1, until="11-30")
    summon: Step = Step(month=10, day=3, until="12-31")
    lapse: Step = Step(month=11, day=30, until="12-31")

    @model_validator(mode="before")
    @classmethod
    def _keep_the_other_keys(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        return {name: cls._completed(name, rule) for name, rule in given.items()}

    @classmethod
    def _completed(cls, name: str, rule: object) -> object:
        if name not in cls.model_fields or not isinstance(rule, Mapping):
            return rule
        return {**cls.model_fields[name].default.model_dump(), **rule}

    def steps(self) -> dict[str, Step]:
        """Return every step by its name, in the order of the assembly's table."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class Meetings(Section):
    """When the board meets: one day of each of these months."""

    months: kinds.Months = "1-6,8-12"
    day: kinds.Day = "last thu"
    hour: kinds.Hour = 18
    minute: kinds.Minute = 30

    @field_validator("day")
    @classmethod
    def _comes_every_month(cls, day: int | str, info: ValidationInfo) -> int | str:
        return kinds.in_every(kinds.MONTH.numbers(info.data["months"]), day) if "months" in info.data else day

    @property
    def month_numbers(self) -> tuple[int, ...]:
        """The months in which the board meets, in order."""
        return tuple(sorted(kinds.MONTH.numbers(self.months)))


class Board(Section):
    """How the board meets, is told, and counts (PRODUCT § 4)."""

    meetings: Meetings = Meetings()
    quorum: kinds.Proportion = "1/2"
    quorum_counts: QuorumCounts = QuorumCounts.TOOK_PART
    base: Base = Base.CAST
    strict: bool = True
    fraction: kinds.Proportion = "1/2"
    casting_vote: bool = False
    publish_days: Annotated[kinds.Days, Field(ge=2)] = 10
    notice_days: kinds.Days = 15
    clear_days: kinds.Days = 3
    remote_votes: bool = True

    @field_validator("fraction")
    @classmethod
    def _can_be_reached(cls, fraction: str, info: ValidationInfo) -> str:
        """Refuse « more than all »."""
        above, _, below = fraction.partition("/")
        if below == above and info.data.get("strict"):
            raise ValueError(f'got "{fraction}"; nobody exceeds all: expected strict = false beside it, or less')
        return fraction


class Legal(Section):
    """The clauses that make the board competent, quoted; a missing one is a warning on the ballots it concerns."""

    suspension: kinds.Paragraph = ""
    removal: kinds.Paragraph = ""
    remote_votes: kinds.Paragraph = ""


class Mail(Section):
    """The mail server. The password comes from RELANCE_MAIL__PASSWORD or from `password_file`.

    `templates`: the folder of the organisation's own wording.
    """

    mode: MailMode = MailMode.CAPTURE
    host: kinds.Line = "localhost"
    port: Annotated[kinds.Whole, Field(ge=1, le=65535)] = 25
    tls: Tls = Tls.NONE
    username: kinds.Line = ""
    password: SecretStr | None = None
    password_file: kinds.SecretFile = None
    from_address: kinds.Email = ""
    reply_to: kinds.Email = ""
    bounce_address: kinds.Email = ""
    max_per_minute: Annotated[kinds.Whole, Field(ge=1, le=6000)] = 30
    templates: kinds.Folder = None

    @field_validator("tls", mode="before")
    @classmethod
    def _yes_or_no(cls, value: object, info: ValidationInfo) -> object:
        """Accept true and false as well: true is what the port is known for."""
        usual = Tls.IMPLICIT if info.data.get("port") == 465 else Tls.STARTTLS  # noqa: PLR2004 - RFC 8314
        return {"true": usual, "false": Tls.NONE}.get(str(value).lower(), value)

    @field_validator("password_file")
    @classmethod
    def _one_place(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return _only_source(value, info.data.get("password"))

    def secret(self) -> str | None:
        """Return the password, read now; none: the server asks for none."""
        return _secret(self.password, self.password_file, "mail.password_file")


class OutgoingWebhook(Section):
    """Where transitions, ballots and tasks are announced. No `events`: all of them; no `name`: that of its host.

    `allow_private`: its address may be one of the house's own, and without TLS.
    """

    allow_private: bool = False
    url: kinds.PrivateUrl
    name: kinds.Line = ""
    events: tuple[kinds.Line, ...] = ()
    secret: SecretStr | None = None
    secret_file: kinds.SecretFile = None

    @field_validator("url")
    @classmethod
    def _safe(cls, value: str, info: ValidationInfo) -> str:
        """Refuse what would give away the address's own secret, or what is told. The address is not repeated."""
        parts = urlsplit(value)
        if parts.username is not None or parts.password is not None:
            raise ValueError("holds a name or password; expected an address without: what is told is signed")
        if not value.isascii():
            raise ValueError(
                "holds letters that no address on the line has; expected xn--… in its host, %C3%A9 after it"
            )
        if parts.scheme != "https" and not info.data.get("allow_private"):
            raise ValueError("is not encrypted; expected https://, or allow_private = true within the house")
        return value

    @field_validator("secret_file")
    @classmethod
    def _one_place(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return _only_source(value, info.data.get("secret"))

    @property
    def label(self) -> str:
        """What it is called."""
        return self.name or urlsplit(self.url).hostname or ""

    def signing_secret(self) -> str | None:
        """Return the secret that signs what leaves, read now."""
        return _secret(self.secret, self.secret_file, "webhooks.out[].secret_file")


class IncomingWebhook(Section):
    """A source of signed votes or payments. It speaks only for its `seats`."""

    secret: SecretStr | None = None
    secret_file: kinds.SecretFile = Field(default=None, validate_default=True)
    seats: tuple[kinds.Line, ...] = ()

    @field_validator("secret_file")
    @classmethod
    def _one_place(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None and info.data.get("secret") is None:
            raise ValueError("missing; expected the file that holds this source's secret")
        return _only_source(value, info.data.get("secret"))

    def verifying_secret(self) -> str:
        """Return the secret that this source signs with, read now."""
        return _secret(self.secret, self.secret_file, "webhooks.in.*.secret_file") or ""


class Webhooks(Section):
    """Signed webhooks. In the file: [[webhooks.out]] and [webhooks.in.NAME]."""

    outgoing: tuple[OutgoingWebhook, ...] = Field(default=(), alias="out")
    incoming: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")], IncomingWebhook] = Field(
        default_factory=dict, alias="in"
    )

    @field_validator("outgoing")
    @classmethod
    def _told_apart(cls, value: tuple[OutgoingWebhook, ...]) -> tuple[OutgoingWebhook, ...]:
        labels = [hook.label for hook in value]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise ValueError(f'two are called "{twice}"; expected a name = "…" of its own for each')
        return value


class Safety(Section):
    """The brake; the address that is called after each good run; who is told of alarms."""

    brake_share: kinds.Share = 0.10
    brake_min: Annotated[kinds.Whole, Field(ge=0, le=1_000_000)] = 5
    ping_url: kinds.Url = ""
    alarms_to: tuple[kinds.Email, ...] = ()


class Pages(Section):
    """Where people's browsers find Relance, for links in mails (empty: mails bring none), and the links' key.

    `key_file`: by default a file beside the database, made when it is first needed.
    """

    url: kinds.Url = ""
    key_file: kinds.SecretFile = None


class Scheduler(Section):
    """How often the calendar is looked at, beside its own instants."""

    heartbeat_seconds: Annotated[kinds.Whole, Field(ge=10, le=86_400)] = 300


def _only_source(file: Path | None, given: SecretStr | None) -> Path | None:
    if file is not None and given is not None:
        raise ValueError("the environment gives this secret too; expected one of the two")
    return file


def _secret(given: SecretStr | None, file: Path | None, key: str) -> str | None:
    """Return a secret from the environment or from its file."""
    if file is None:
        return None if given is None else given.get_secret_value()
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(reason=f"{key}: {file} cannot be read: {error}") from error
    if not text:
        raise BadConfiguration(reason=f"{key}: {file} is empty")
    return text
