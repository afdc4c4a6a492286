"""Bounces as servers write them, made up for a test."""

TOKEN = "0123456789abcdef0123456789abcdef"
TO = "contact@velo.example"
HEAD = "From: MAILER-DAEMON@mx.example\nTo: rebonds@lepic.example\nSubject: Undelivered\nAuto-Submitted: auto-replied\n"
REPORT = """MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b="

--=b=
Content-Type: text/plain

Your mail could not be delivered.

--=b=
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
{envelope}
{recipients}
--=b=
Content-Type: text/rfc822-headers

Subject: Cotisation
{returned}

--=b=--
"""


def recipient(to=TO, action="failed", status="5.1.1", said="550 5.1.1 no such user", final=None):
    """What a report says of one recipient."""
    original = f"Original-Recipient: rfc822;{to}\n" if to else ""
    return (
        f"Final-Recipient: rfc822; {final or to}\n{original}Action: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {said}\n"
    )


def report(*recipients, token=TOKEN, returned=""):
    """A delivery status notification."""
    envelope = f"Original-Envelope-Id: {token}\n" if token else ""
    text = HEAD + REPORT.format(envelope=envelope, recipients="\n".join(recipients), returned=returned)
    return text.encode()
