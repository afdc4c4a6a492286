"""A bounce as a value: which mail of ours came back, from which address, and whose fault that was.

Anybody may send anything to the address that bounces go to: nothing here believes what it reads, or changes anything.
Delivery status notifications (RFC 3464) are read here, everything else by flufl.bounce.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr
from enum import StrEnum

from flufl.bounce import all_failures

from notifications.smtp import shortened

logging.getLogger("flufl.bounce").setLevel(
    logging.CRITICAL
)  # what stumbles there is expected, and told by nothing here

LONGEST = 2**20
"""Bytes that are read: what a bounce has to say stands before the mail that it returns."""
MOST_LINES = 10_000
MOST_ADDRESSES = 20
MOST_PARTS = 40
"""Declared in a message: more is no bounce, but meant to keep a reader busy."""
LONGEST_LINE = 2000
"""Bytes: no server writes longer ones (RFC 5322: 998)."""
TOKEN = r"[0-9a-f]{32}"  # noqa: S105 the form of one

_REPORT = "delivery-status"
_PARTS = re.compile(rb"^content-type:", re.IGNORECASE | re.MULTILINE)
_ENDLESS = re.compile(rb"^content-type:[^\n]*(?:\n[ \t][^\n]*){20}", re.IGNORECASE | re.MULTILINE)
"""A head that goes on for twenty lines: taking apart thousands of parameters takes longer than all else."""
_OF_OURS = re.compile(rf"^[> \t]*message-id:\s*<({TOKEN})@", re.IGNORECASE | re.MULTILINE)
_ANSWERS = re.compile(rf"<({TOKEN})@")
_CODE = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_NO_WORDS = re.compile(r"\S+@\S+|https?:\S+")
_HARD = re.compile(r"5\.(?:1\.(?:[0-6]|10)|2\.1|4\.4)")
"""RFC 3463 and 7505: the recipient's address, a disabled mailbox, a domain that no longer exists."""
_POLICY = re.compile(r"[245]\.7\.\d+|5\.2\.3|5\.3\.4|5\.6\.\d+")
"""Our reputation, their rules; or the message is at fault: too big, of a kind that is not taken."""
_SAYS_POLICY = re.compile(
    r"\b(?:spam\w*|junk|blocked|bl[ao]ck ?list\w*|gr[ea]y ?list\w*|rbl|dnsbl|reputation|polic(?:y|ies)|dmarc|spf|dkim"
    r"|rate ?limit\w*|at a rate|too many|relay(?:ing)? (?:access )?denied|virus|content rejected)\b",
    re.IGNORECASE,
)
_SAYS_FULL = re.compile(
    r"\b(?:over ?quota|quota (?:exceeded|full)|exceed\w* (?:\w+ )?quota|mailbox (?:is )?full)\b", re.IGNORECASE
)
_SAYS_UNKNOWN = re.compile(
    r"\b(?:no such (?:user|mailbox|recipient|address)|(?:user|recipient|mailbox|address)(?: is)? (?:unknown|not found)"
    r"|unknown (?:user|recipient|mailbox|address)|does ?n[o']t exist|no mailbox|host (?:unknown|not found))\b",
    re.IGNORECASE,
)
_MACHINES = {"", "mailer-daemon", "mailerdaemon", "postmaster", "mail-daemon", "mdaemon"}
_OTHER_REPORTS = {"disposition-notification", "feedback-report"}
"""It was read, or thrown away unread; somebody complains of it: either way it arrived."""
_ANSWERING_MACHINE = ("x-autoreply", "x-autorespond", "x-vacation", "x-autoresponse")


class Kind(StrEnum):
    """Whose fault it is. Hard: the address takes no mail. Soft: not now. Policy: not the address's fault."""

    HARD = "hard"
    SOFT = "soft"
    POLICY = "policy"
    NONE = "none"


_WORST = (Kind.HARD, Kind.POLICY, Kind.SOFT)


@dataclass(frozen=True, slots=True)
class Bounce:
    """What came back. `token` says which mail (notifications.mail), `addresses` for whom, as we had addressed it.

    `final`: nobody tries any longer; a mail that is only delayed may still arrive.
    """

    kind: Kind = Kind.NONE
    token: str | None = None
    addresses: tuple[str, ...] = ()
    status: str = ""
    diagnostic: str = ""
    final: bool = False

    @property
    def said(self) -> str:
        """What the server said, in one line."""
        told = self.diagnostic if self.status in self.diagnostic else f"{self.status} {self.diagnostic}"
        return shortened(told) or "no reason given"


NO_BOUNCE = Bounce()


def read_bounce(raw: bytes) -> Bounce:
    """Read a message, whatever it is. `Kind.NONE`: it tells of nothing that came back."""
    text = raw[:LONGEST]
    if len(_PARTS.findall(text)) > MOST_PARTS:
        return NO_BOUNCE
    text = b"\n".join(line[:LONGEST_LINE] for line in text.splitlines()[:MOST_LINES])
    if _ENDLESS.search(text):
        return NO_BOUNCE
    try:
        message = message_from_bytes(text)
        return _from_report(message) or _from_habits(message, text)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return NO_BOUNCE  # the email package's own stumbling over what nobody foresaw


# RFC 3464


def _from_report(message: Message) -> Bounce | None:
    """Read a delivery status notification: the worst that it tells."""
    found = [bounce for part in message.walk() if _is_report(part) for bounce in _reported(part)]
    if not found:
        return None
    worst = min(found, key=lambda bounce: (not bounce.final, _WORST.index(bounce.kind)))
    same = [one for one in found if (one.kind, one.final) == (worst.kind, worst.final)]
    addresses = tuple(dict.fromkeys(address for one in same for address in one.addresses))
    token = worst.token or _token_of_returned(message)
    return replace(worst, token=token, addresses=addresses[:MOST_ADDRESSES])


def _is_report(part: Message) -> bool:
    return part.get_content_type() == f"message/{_REPORT}" and part.is_multipart()


def _reported(part: Message) -> Iterator[Bounce]:
    """Read the blocks of a report: the first is about the mail, each of the others about one recipient."""
    blocks = [block for block in part.walk() if block is not part]
    envelopes = [_field(block, "original-envelope-id") for block in blocks]
    token = next((found for found in envelopes if re.fullmatch(TOKEN, found)), None)
    for block in blocks:
        action = _field(block, "action").lower()
        if action.startswith(("failed", "delayed", "error")):
            yield _of_recipient(block, token, final=not action.startswith("delayed"))


def _of_recipient(block: Message, token: str | None, *, final: bool) -> Bounce:
    """Read what a report says of one recipient.

    Behind a forward, the address that fails is not the one that we wrote to, and others may have got the mail.
    """
    original, last = (_address(_field(block, f"{name}-recipient")) for name in ("original", "final"))
    diagnostic = _field(block, "diagnostic-code").partition(";")[2] or _field(block, "diagnostic-code")
    status = _most_precise(_field(block, "status"), diagnostic)
    kind = kind_of(status, diagnostic) if final else Kind.SOFT
    if kind is Kind.HARD and original and last and original.casefold() != last.casefold():
        kind, diagnostic = Kind.SOFT, f"forwarded to {last}: {diagnostic}"
    address = original or last
    return Bounce(kind, token, (address,) if address else (), status, shortened(diagnostic), final)


def _field(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())


def _address(field: str) -> str:
    """Read « rfc822; contact@velo.example », what came of it in xtext (RFC 3461) included."""
    _, _, typed = field.rpartition(";")
    plain = re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), typed.strip())
    return plain.strip("<> ") if "@" in plain else ""


def _most_precise(status: str, diagnostic: str) -> str:
    """Return the status, or what the server said itself where the status says only « failed »."""
    given = _CODE.search(status)
    if given is not None and given[0][1:] != ".0.0":
        return given[0]
    said = _CODE.search(diagnostic)
    return said[0] if said is not None else given[0] if given is not None else ""


def kind_of(status: str, diagnostic: str) -> Kind:
    """Say whose fault a final failure is: by its words where they speak of policy or quota, else by its code."""
    words = _NO_WORDS.sub(" ", diagnostic)
    if _POLICY.fullmatch(status) or _SAYS_POLICY.search(words):
        return Kind.POLICY
    if _SAYS_FULL.search(words):
        return Kind.SOFT
    vague = status in {"", "5.0.0"}
    if _HARD.fullmatch(status) or (vague and _SAYS_UNKNOWN.search(words)):
        return Kind.HARD
    return Kind.SOFT


def kind_kept(said: str) -> Kind:
    """Say whose fault a final failure was, from what was kept of it."""
    return kind_of(_most_precise("", said), said)


def _token_of_returned(message: Message) -> str | None:
    """Find our Message-ID in the mail, or in its head, that came back."""
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "text/rfc822-headers":
            found = _OF_OURS.search(str(part.get_payload()))
        elif kind == "message/rfc822" and part.is_multipart():
            returned = part.get_payload(0)
            head = _field(returned, "message-id") if isinstance(returned, Message) else ""
            found = _OF_OURS.search(f"Message-ID: {head}")
        else:
            continue
        if found is not None:
            return found[1]
    return None


# No standard


def _from_habits(message: Message, text: bytes) -> Bounce:
    """Read a bounce by the habits of the server that wrote it."""
    if _answers_by_itself(message) or str(message.get_param("report-type")).lower() in _OTHER_REPORTS:
        return NO_BOUNCE
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # noqa: BLE001 twenty guesses at text that anybody may have written: one that stumbles found nothing
        return NO_BOUNCE
    addresses = tuple(sorted(address.decode("ascii", "replace") for address in permanent or temporary))[:MOST_ADDRESSES]
    if not addresses:
        return NO_BOUNCE
    said = _reason_in(text, addresses)
    status = _most_precise("", said)
    kind = kind_of(status, said) if permanent else Kind.SOFT
    return Bounce(kind, _token_in(message, text), addresses, status, said, final=bool(permanent))


def _answers_by_itself(message: Message) -> bool:
    """Whether a person's mailbox answers for its owner, who is away (RFC 3834); mail servers say so of bounces too."""
    if any(name in message for name in _ANSWERING_MACHINE):
        return True
    sender = parseaddr(_field(message, "from"))[1].partition("@")[0].lower()
    automatic = _field(message, "auto-submitted").lower().startswith("auto-replied")
    return automatic and sender not in _MACHINES and "x-failed-recipients" not in message


def _token_in(message: Message, text: bytes) -> str | None:
    """Find our Message-ID in what came back, or in what the bounce says that it answers."""
    _, _, body = text.partition(b"\n\n")
    found = _OF_OURS.search(body.decode("ascii", "replace"))
    if found is None:
        found = _ANSWERS.search(f"{_field(message, 'in-reply-to')} {_field(message, 'references')}")
    return None if found is None else found[1]


def _reason_in(text: bytes, addresses: tuple[str, ...]) -> str:
    """Return what stands from the address on, a few lines: there servers say why."""
    _, _, body = text.decode("utf-8", "replace").partition("\n\n")
    place = body.lower().find(addresses[0].lower())
    return shortened(body[max(place, 0) :][:LONGEST_LINE])
