"""A mail's bytes say what was meant, whatever it was; anybody's parser reads them back the same."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifications.mail import BadAddress, Composer, Outgoing, Part, Sender, ascii_address, token_of
from notifications.typography import one_line

NOW = datetime(2025, 6, 1, 7, tzinfo=UTC)
COMPOSER = Composer(Sender("tresorerie@lepic.example", "Le PIC", "bureau@lepic.example"))
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=200)


def outgoing(**given):
    fields = ("velo@asso.example", "fr", "Appel à cotisation 2026", "Bonjour\u00a0!\n", NOW)
    return replace(Outgoing(1, "1:call:2026:0", 1, "call", "call", 2026, *fields), **given)


def parsed(composer=COMPOSER, **given):
    return message_from_bytes(composer.compose(outgoing(**given)).content, policy=policy.default)


def test_the_head():
    message = parsed()
    assert dict(message.items()) == {
        "Message-ID": f"<{token_of('1:call:2026:0')}@lepic.example>",
        "Date": "Sun, 01 Jun 2025 09:00:00 +0200",
        "To": "velo@asso.example",
        "Subject": "Appel à cotisation 2026",
        "From": "Le PIC <tresorerie@lepic.example>",
        "Reply-To": "bureau@lepic.example",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "quoted-printable",
        "Content-Language": "fr",
    }
    assert message.defects == []


def test_a_file_goes_with_the_text_and_changes_nothing_of_it():
    plain = COMPOSER.compose(outgoing()).content
    parts = (Part("appel-2026-É 1.pdf", "application/pdf", bytes(range(256)) * 99), Part("x.txt", "text/plain", b""))
    content = COMPOSER.compose(outgoing(parts=parts)).content
    message = message_from_bytes(content, policy=policy.default)
    assert message.get_content_type() == "multipart/mixed"
    text, *files = message.iter_parts()
    assert text.as_bytes().replace(b"\n", b"\r\n") in content
    assert plain.endswith(text.as_bytes().replace(b"\n", b"\r\n"))
    assert message["Content-Language"] == text["Content-Language"] == "fr"
    read = [(file.get_filename(), file.get_content_type(), file.get_payload(decode=True)) for file in files]
    assert read == [(part.name, part.media_type, part.content) for part in parts]
    assert {file.get_content_disposition() for file in files} == {"attachment"}
    for part in message.walk():
        assert part.defects == []
    head = plain.partition(b"\r\nContent-Type:")[0]
    assert content.startswith(head)
    assert_is_mail(content)


@given(TEXT, st.binary(max_size=300))
@example("--=_x\n--=_x--\n", b"\r\n--=_x--\r\n")
def test_text_and_file_are_read_back_together(body, data):
    mail = outgoing(body=body, parts=(Part("a.pdf", "application/pdf", data),))
    content = COMPOSER.compose(mail).content
    text, file = message_from_bytes(content, policy=policy.default).iter_parts()
    assert text.get_content().replace("\r\n", "\n").rstrip("\n") == body.rstrip("\n")
    assert file.get_payload(decode=True) == data
    assert content == COMPOSER.compose(mail).content
    assert_is_mail(content)


@given(TEXT)
@example("")
@example(".\n..\n.x\n")
@example("trailing \t\n \n=\n=3D\nFrom me\n")
@example("x" * 2000)
@example("é" * 300)
def test_the_body_is_read_back(body):
    envelope = COMPOSER.compose(outgoing(body=body))
    read = message_from_bytes(envelope.content, policy=policy.default).get_content().replace("\r\n", "\n")
    assert read.rstrip("\n") == body.rstrip("\n")
    assert_is_mail(envelope.content)


@given(TEXT)
@example("=?utf-8?b?YQ==?=")
@example("a" * 120)
@example("[PIC] Rappel – cotisations 2023, 2024 et 2025 de l'association Les Amis du Quartier des Arènes (A0021)")
@example("Reminder of the dues of 2023, 2024 and 2025: the association Friends of the Arena Quarter (A0021), please")
@example("évolution\r\nBcc: somebody@else.example")
@example("🚲" * 50)
@example(' : ; <> , \\ " ')
def test_the_subject_is_read_back(subject):
    content = COMPOSER.compose(outgoing(subject=subject)).content
    message = message_from_bytes(content, policy=policy.default)
    assert message["Subject"] == " ".join(one_line(subject).split())
    assert message["Bcc"] is None
    assert len(message.items()) == 11
    assert_is_mail(content)


@given(TEXT)
@example("Le PIC")
@example('Les "Amis", <du> PIC; @ Ramonville \\ (31)')
@example("Fédération des œuvres, cercles et associations de l'Été – Haute-Garonne")
@example("An association whose name is long, has commas, and goes on and on")
@example("=?utf-8?q?x?=")
def test_the_senders_name_is_read_back(name):
    content = Composer(Sender("tresorerie@lepic.example", name)).compose(outgoing()).content
    (sender,) = message_from_bytes(content, policy=policy.default)["From"].addresses
    assert sender.addr_spec == "tresorerie@lepic.example"
    # Python leaves the space between two encoded words in a name
    assert "".join(sender.display_name.split()) == "".join(one_line(name).split())
    assert_is_mail(content)


def assert_is_mail(content):
    """ASCII, lines that end as they must and are short enough."""
    content.decode("ascii")
    lines = content.split(b"\r\n")
    assert lines[-1] == b""
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 78
    assert not any(line == b"." for line in lines)


def test_it_is_the_same_each_time_and_for_each_recipient_another():
    one, again, other = (COMPOSER.compose(outgoing(dedupe_key=key)) for key in ("a", "a", "b"))
    assert one == again
    assert one.token != other.token
    assert re.fullmatch("[0-9a-f]{32}", one.token)


def test_domains_are_written_in_ascii():
    assert parsed(recipient="contact@vélo.example")["To"] == "contact@xn--vlo-bma.example"
    assert Composer(Sender("bureau@fédé.example")).address == "bureau@xn--fd-bjab.example"


@pytest.mark.parametrize(
    "address",
    [
        *("", "velo", "velo@", "@asso.example", "a:b:c;;", "a@b@c.example", "a b@c.example", "<a@b.example>"),
        *("a@b.example\r\nRCPT TO:<x@y.example>", "a@b.example,c@d.example", "Vélo <a@b.example>", "é@asso.example"),
        *("a@-b.example", "a..b@c.example", "a@b..example", "x" * 65 + "@asso.example", "\ud800@asso.example"),
        "a@b",
    ],
)
def test_what_is_no_address(address):
    with pytest.raises(BadAddress) as caught:
        ascii_address(address)
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(BadAddress):
        COMPOSER.compose(outgoing(recipient=address))
    with pytest.raises(BadAddress):
        Composer(Sender(address))
