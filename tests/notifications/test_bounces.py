"""Bounces are read whoever wrote them; what is none, or means harm, is none and takes no time."""

import random
from time import process_time

import pytest

from notifications.bounces import LONGEST, Bounce, Kind, kind_of, read_bounce
from tests.notifications.returned import HEAD, TO, TOKEN, recipient, report

RETURNED = f"Message-ID: <{TOKEN}@lepic.example>"


def test_a_report_says_which_mail_for_whom_and_why():
    assert read_bounce(report(recipient())) == Bounce(
        Kind.HARD, TOKEN, (TO,), "5.1.1", "550 5.1.1 no such user", final=True
    )


def test_the_returned_head_says_which_mail_where_the_report_does_not():
    assert read_bounce(report(recipient(), token="", returned=RETURNED)).token == TOKEN
    assert read_bounce(report(recipient(), token="QQ1234", returned=RETURNED)).token == TOKEN
    assert read_bounce(report(recipient(), token="", returned="Message-ID: <abc@lepic.example>")).token is None
    whole = report(recipient(), token="", returned="").replace(
        b"text/rfc822-headers\n", f"message/rfc822\n\n{RETURNED}".encode()
    )
    assert read_bounce(whole).token == TOKEN


def test_it_is_read_however_the_server_wrote_it():
    crlf = report(recipient()).replace(b"\n", b"\r\n")
    assert read_bounce(crlf) == read_bounce(report(recipient()))
    xtext = read_bounce(report(recipient("ana+2Bpic@velo.example")))
    assert xtext.addresses == ("ana+pic@velo.example",)
    bracketed = report(recipient().replace(f"; {TO}", f"; <{TO}>").replace("Original-Recipient", "X-Nothing"))
    assert read_bounce(bracketed).addresses == (TO,)


def test_what_is_only_delayed_may_still_arrive():
    bounce = read_bounce(report(recipient(action="delayed", status="4.4.1", said="connection timed out")))
    assert (bounce.kind, bounce.final, bounce.status) == (Kind.SOFT, False, "4.4.1")


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_what_went_well_is_no_bounce(action):
    assert read_bounce(report(recipient(action=action, status="2.0.0"))).kind is Kind.NONE


def test_of_several_recipients_the_worst_is_told():
    others = (recipient("a@x.example", "delayed", "4.0.0"), recipient("b@x.example", "failed", "5.2.2", "mailbox full"))
    assert read_bounce(report(*others, recipient())).addresses == (TO,)


def test_behind_a_forward_nobody_knows_who_else_got_it():
    bounce = read_bounce(report(recipient(final="ana@home.example")))
    assert (bounce.kind, bounce.addresses) == (Kind.SOFT, (TO,))
    assert bounce.diagnostic == "forwarded to ana@home.example: 550 5.1.1 no such user"
    assert read_bounce(report(recipient(final=TO.upper()))).kind is Kind.HARD


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        ("5.1.1", "550 5.1.1 User unknown", Kind.HARD),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", Kind.HARD),
        ("5.2.1", "550 5.2.1 mailbox disabled", Kind.HARD),
        ("5.4.4", "Host or domain name not found", Kind.HARD),
        ("", "550 No such user here", Kind.HARD),
        ("5.0.0", "550 <contact@velo.example>: Recipient unknown", Kind.HARD),
        ("5.0.0", "550 <spam@velo.example>: User unknown, see https://x.example/policy/blocked", Kind.HARD),
        ("5.2.2", "552 5.2.2 over quota", Kind.SOFT),
        ("5.1.1", "550 5.1.1 mailbox full", Kind.SOFT),
        ("4.4.1", "connection timed out", Kind.SOFT),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", Kind.SOFT),
        ("5.0.0", "550 something odd", Kind.SOFT),
        ("", "", Kind.SOFT),
        ("5.7.1", "550 5.7.1 message refused", Kind.POLICY),
        ("4.7.1", "450 4.7.1 greylisted, come back later", Kind.POLICY),
        ("5.0.0", "554 Service unavailable; client blocked using zen.example", Kind.POLICY),
        ("5.1.1", "550 5.1.1 rejected by our spam filter", Kind.POLICY),
        ("5.3.4", "552 message too big", Kind.POLICY),
        ("5.1.8", "sender address has no mail server", Kind.SOFT),
    ],
)
def test_whose_fault_it_is(status, said, kind):
    assert kind_of(status, said) is kind


def test_the_more_precise_code_counts():
    assert read_bounce(report(recipient(status="5.0.0", said="550 5.7.26 not authenticated"))).status == "5.7.26"


# No standard

QMAIL = f"""From: MAILER-DAEMON@mx.example
Subject: failure notice

Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{TO}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <rebonds@lepic.example>
{RETURNED}
Subject: Cotisation
"""
EXIM = f"""From: Mail Delivery System <Mailer-Daemon@mx.example>
X-Failed-Recipients: {TO}
Auto-Submitted: auto-replied
Subject: Mail delivery failed: returning message to sender

This message was created automatically by mail delivery software.

  {TO}
    host mx.velo.example [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<{TO}>:
    {{said}}

------ This is a copy of your message, including all the headers. ------

{RETURNED}
"""
AWAY = f"""From: Ana <{TO}>
Subject: Absente jusqu’à lundi
Auto-Submitted: auto-replied
In-Reply-To: <{TOKEN}@lepic.example>

Je suis absente. This message was created automatically by mail delivery software.
Failed addresses follow: {TO}
message text follows:
"""
READ = f"""From: Ana <{TO}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary=b

--b
Content-Type: message/disposition-notification

Final-Recipient: rfc822; {TO}
Original-Message-ID: <{TOKEN}@lepic.example>
Disposition: manual-action/MDN-sent-manually; deleted
--b--
"""


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (QMAIL, Kind.HARD),
        (EXIM.format(said="550 5.1.1 unknown user"), Kind.HARD),
        (EXIM.format(said="550 rejected because of its reputation"), Kind.POLICY),
        (EXIM.format(said="552 5.2.2 mailbox full"), Kind.SOFT),
        (EXIM.format(said="retry time not reached for any host after a long failure period"), Kind.SOFT),
        (EXIM.format(said="the connection died; it has been in the queue too long"), Kind.SOFT),
    ],
)
def test_servers_without_a_standard_are_understood(text, kind):
    bounce = read_bounce(text.encode())
    assert (bounce.kind, bounce.token, bounce.addresses, bounce.final) == (kind, TOKEN, (TO,), True)


@pytest.mark.parametrize("text", [AWAY, READ, "", "Merci !", f"From: {TO}\n\nMerci !", HEAD])
def test_what_people_and_their_machines_answer_is_no_bounce(text):
    assert read_bounce(text.encode()).kind is Kind.NONE


# Meant to do harm


def nested(depth):
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (one, one) for one in range(depth))


NOISE = random.Random(5)
HARM = {
    "ten megabytes": HEAD.encode() + b"\n" + b"the following addresses had\n" * 370_000,
    "one line": HEAD.encode() + b"\n" + b"a" * 10_000_000,
    "brackets": HEAD.encode() + b"\n" + (b"<" * 1900 + b"\n") * 5000,
    "empty lines": HEAD.encode() + b"\n" * 1_000_000,
    "nested": nested(20_000),
    "nested as deep as is read": nested(39) + b"x\n" * 500_000,
    "mails in mails": b"Content-Type: message/rfc822\n\n" * 20_000,
    "heads": HEAD.encode() + b"".join(b"X-%d: y\n" % one for one in range(100_000)),
    "charsets": b'From: =?\xff?q?=ff?=\nContent-Type: text/plain; charset="\x00klingon"\n\n\xff\xfe' * 100,
    "comments": b"From: " + b"(" * 100_000 + b"\n\nx",
    "noise": NOISE.randbytes(2 * LONGEST),
    "parameters": b"Content-Type: multipart/report" + (b";\n " + b"; ".join([b"b*1=c"] * 200)) * 5000 + b"\n\nx",
    "no sender": b"From: \nSubject: x\n\n" + QMAIL.encode(),
}


@pytest.mark.parametrize("name", HARM)
def test_what_means_harm_takes_no_time(name):
    start = process_time()
    read_bounce(HARM[name])
    assert process_time() - start < 3


def test_a_flood_of_recipients_is_cut():
    flood = report(*(recipient(f"a{one}@velo.example") for one in range(500)))
    assert len(read_bounce(flood).addresses) == 20


def test_what_a_server_says_is_one_line_of_text():
    bounce = read_bounce(report(recipient(said="550 5.1.1 \x1b[31mred\x07 caf\xe9 " + "x" * 5000)))
    assert bounce.said.isprintable()
    assert len(bounce.said) <= 500
