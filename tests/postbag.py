"""What a mail server took, beside what it should have been given: by the register's own files, not by the program's.

Each check returns what it found wrong, a line for each message; nothing wrong is an empty list.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from functools import cached_property

from api.links import key_of
from api.settings import settings_from_mapping
from engine.store import Store
from tests import played
from tests.notifications.smtp_server import Taken, words_of
from tests.two_years import PARIS, SENDER, Register, read_csv

CALLED = {2025: date(2024, 12, 1), 2026: date(2025, 12, 1), 2027: date(2026, 12, 1)}
"""From which day on a year is owed."""
_ROWS = """SELECT m.id, m.dedupe_key, i.subject, m.kind, m.occasion, m.year, m.recipient, m.language, m.status
    FROM outbox_message m LEFT JOIN workflow_instance i ON i.id = m.instance_id ORDER BY m.id"""
_REMOVED = """SELECT i.subject, j.at FROM journal_entry j JOIN workflow_instance i ON i.id = j.instance_id
    WHERE j.acted AND j.to_state IN ('removed', 'left')"""
_DUE = re.compile(r"^  (?:Cotisation|Dues) (\d{4})\s*: *(.+)$", re.MULTILINE)
_SUM = re.compile(r"^  (?:Total|Montant|Amount)\s*: *(.+)$", re.MULTILINE)
_REFERENCE = re.compile(r"(VIR\d+)")
_YEAR = re.compile(r"\b20\d\d\b")
GREETINGS = {"fr": "Bonjour", "en": "Hello"}
ASKS = {"call_for_dues", "renewal_campaign", "reminder", "last_call", "suspension", "summons"}
"""What names everything that is owed."""
AFTER_THE_END = {"removal", "farewell", "receipt"}
ONCE_A_YEAR = set(played.STEP_MAILS)


@dataclass(frozen=True)
class Row:
    """A row of the outbox."""

    id: int
    key: str
    number: str | None
    kind: str
    occasion: str
    year: int | None
    recipient: str
    language: str
    status: str

    @property
    def about(self) -> tuple[str, str, str]:
        """Whom it is for (a member's number, a seat), its kind and occasion: the same in every life of the years."""
        return self.number or self.key.partition(":")[0], self.kind, self.occasion


def rows_of(store: Store) -> list[Row]:
    """The whole outbox."""
    return [Row(*row) for row in played.rows(store, _ROWS)]


@dataclass(frozen=True)
class Mail:
    """A message that was taken, with its row."""

    taken: Taken
    message: EmailMessage
    row: Row

    @cached_property
    def text(self) -> str:
        """Its words."""
        return words_of(self.message).replace("\r\n", "\n")

    @property
    def language(self) -> str | None:
        """The language that its words say they are in."""
        part = self.message.get_body(("plain",))
        return None if part is None else part["Content-Language"]

    @cached_property
    def on(self) -> date:
        """The day that it says it was written on."""
        return parsedate_to_datetime(self.message["Date"]).astimezone(PARIS).date()

    @property
    def dues(self) -> list[tuple[int, int]]:
        """Years and cents, line by line."""
        return [(int(year), cents(amount)) for year, amount in _DUE.findall(self.text)]

    @property
    def name(self) -> str:
        """What it is, for complaints."""
        return f"{self.row.kind} to {self.row.number or self.row.key} on {self.on}"


def cents(amount: str) -> int:
    """« 20,00 € », €20.00."""
    return int(re.sub(r"\D", "", amount))


def token(message: EmailMessage) -> str:
    """What its Message-ID says."""
    return str(message["Message-ID"]).strip("<>").partition("@")[0]


class Books:
    """Who owes what when, by the register and the bank's files alone."""

    def __init__(self, register: Register) -> None:
        self.dues = {row["number"]: cents(row["dues"]) for row in register.before}
        self.payments = {row["reference"]: row for row in register.payments}
        self._paid = {
            (row["number"], int(row["year"])): date.fromisoformat(row["paid_on"]) for row in register.payments
        }
        assert len(self._paid) == len(self.payments) == len(register.payments)

    def owed(self, number: str, on: date, *, paid_today: bool) -> list[tuple[int, int]]:
        """Years and cents owed on a day, before or after what was paid on it."""
        return [
            (year, self.dues[number])
            for year, called in CALLED.items()
            if called <= on and not self._is_paid(number, year, on, today=paid_today)
        ]

    def _is_paid(self, number: str, year: int, on: date, *, today: bool) -> bool:
        paid = self._paid.get((number, year), date.max)
        return paid < on or (today and paid == on)


class Postbag:
    """Everything that was taken in the two years."""

    def __init__(self, taken: Sequence[Taken], store: Store, register: Register) -> None:
        self.store, self.register = store, register
        self.rows = rows_of(store)
        self.books = Books(register)
        self._seats = {row["seat"]: row["email"] for row in read_csv(register.board)}
        self._token_of = key_of(settings_from_mapping({"database.url": store.url})).token
        asked = {self._token_of(row.key): row for row in self.rows}
        messages = [(token(message), one, message) for one in taken for message in [one.message]]
        self._said = Counter(said for said, _, _ in messages)
        self._unasked = [one.recipient for said, one, _ in messages if said not in asked]
        self.mails = [Mail(one, message, asked[said]) for said, one, message in messages if said in asked]

    def about(self) -> Counter[tuple[str, str, str]]:
        """What was sent, one per occasion whatever the recipients."""
        return Counter({mail.row.about: 1 for mail in self.mails})

    def more_or_less_than_once(self) -> list[str]:
        """Every row left once and was accepted; no occasion, and no step of a year, was told twice to an address."""
        times = [(row, self._said[self._token_of(row.key)]) for row in self.rows]
        found = [f"{row} left {number} times" for row, number in times if number != 1]
        found += [f"{row} is not sent" for row in self.rows if row.status != "sent"]
        found += [f"{recipient}: nobody asked for it" for recipient in self._unasked]
        told = Counter((mail.row.about, mail.taken.recipient) for mail in self.mails)
        told += Counter(
            ((str(mail.row.number), mail.row.kind, str(mail.row.year)), mail.taken.recipient)
            for mail in self.mails
            if mail.row.kind in ONCE_A_YEAR
        )
        return found + [f"{what} to {whom}: {number} times" for (what, whom), number in told.items() if number > 1]

    def wrong_recipients(self) -> list[str]:
        """Each occasion reached the addresses that the register had that day, and no other; its headers say so."""
        found = [
            f"{mail.name}: {mail.taken.sender}, {mail.taken.recipient}, To: {mail.message['To']}"
            for mail in self.mails
            if mail.message["To"] != mail.taken.recipient or f"<{SENDER}>" not in mail.taken.sender
        ]
        reached: dict[tuple[str, str, str], list[Mail]] = defaultdict(list)
        for mail in self.mails:
            reached[mail.row.about].append(mail)
        for about, mails in reached.items():
            got, wanted = sorted(mail.taken.recipient for mail in mails), sorted(self._addresses(about[0], mails[0].on))
            if got != wanted:
                found.append(f"{about} reached {got}, not {wanted}")
        return found

    def _addresses(self, whom: str, on: date) -> set[str]:
        if whom.startswith("seat-"):
            return {self._seats[whom.removeprefix("seat-")]}
        member = self.register.on(on)[whom]
        return {member["email"], member["treasurer_email"]} - {""}

    def wrong_languages(self) -> list[str]:
        """Header and words are in the language that the member read that day, French for the board."""
        found = []
        for mail in self.mails:
            number = mail.row.number
            wanted = "fr" if number is None else self.register.on(mail.on)[number]["language"]
            if mail.language != wanted or not mail.text.startswith(GREETINGS[wanted]):
                found.append(f"{mail.name} is not in {wanted}: {mail.text[:40]!r}")
        return found

    def wrong_sums(self) -> list[str]:
        """Every mail that asks names the years and amounts that are owed that day; a receipt what was paid."""
        return [line for mail in self.mails if mail.row.number is not None for line in self._wrong_sum(mail)]

    def _wrong_sum(self, mail: Mail) -> Iterator[str]:
        number, dues = str(mail.row.number), mail.dues
        if mail.row.kind == "receipt":
            paid, dues = dues[:1], dues[1:]
            row = self.books.payments[_REFERENCE.findall(mail.text)[0]]
            wanted = (number, [(int(row["year"]), cents(row["amount"]))], row["paid_on"])
            if wanted != (row["number"], paid, mail.on.isoformat()):
                yield f"{mail.name} says {paid}, not {wanted}"
        owed = self.books.owed(number, mail.on, paid_today=mail.row.kind in {"receipt", "restored"})
        if dues != owed and (mail.row.kind in ASKS or dues):
            yield f"{mail.name} says that {dues} is owed, not {owed}"
        total = sum(amount for _, amount in owed)
        sums = {cents(amount) for amount in _SUM.findall(mail.text)}
        if sums - {total} or (mail.row.kind in ASKS and not sums):
            yield f"{mail.name} asks for {sums}, not {total}"

    def wrong_years(self) -> list[str]:
        """A call names next year, a campaign this one, a reminder the years owed; none names any other."""
        found = []
        for mail in self.mails:
            named = {int(year) for year in _YEAR.findall(mail.text)}
            in_subject = {int(year) for year in _YEAR.findall(str(mail.message["Subject"]))}
            must, may = self._years(mail)
            if not must <= in_subject or not in_subject <= must | {mail.on.year} or not named <= must | may:
                found.append(f"{mail.name} names {in_subject} and {named}, not {must} and {may}")
        return found

    def _years(self, mail: Mail) -> tuple[set[int], set[int]]:
        """Which years a subject must name, and which others the text may."""
        year = mail.on.year
        owed = {due for due, _ in mail.dues} | {year}
        match mail.row.kind:
            case "call_for_dues":
                return {year + 1}, owed - {year} if year not in dict(mail.dues) else owed
            case "renewal_campaign":
                return {year}, owed
            case "reminder":
                return {due for due, _ in mail.dues}, owed
            case "suspension":
                return set(), owed | {year + 1}
            case _:
                return set(), owed

    def sent_after_the_end(self) -> list[str]:
        """To whom is struck off leaves what is due to it, and nothing else."""
        ended: Mapping[str | None, str] = dict(played.rows(self.store, _REMOVED))
        return [
            mail.name
            for mail in self.mails
            if mail.row.number in ended
            and mail.on >= _day(ended[mail.row.number])
            and mail.row.kind not in AFTER_THE_END
        ]

    def unknown_numbers(self) -> list[str]:
        """Every mail to a member names it, and no other member."""
        return [
            mail.name
            for mail in self.mails
            if mail.row.number is not None
            and set(re.findall(r"\b[AP]\d{4}\b", f"{mail.message['Subject']}\n{mail.text}")) != {mail.row.number}
        ]


def _day(stored: str) -> date:
    return datetime.fromisoformat(f"{stored}+00:00").astimezone(PARIS).date()
