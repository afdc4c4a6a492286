"""A mail server that can be asked what it took: by whoever wants to know whether a mail arrived."""

import asyncio
from collections import Counter

from tests.notifications.smtp_server import SmtpServer

TAKEN, FORGET = "XTAKEN", "XFORGET"


class Postmaster(SmtpServer):
    """It answers these two once no other line is open: what a killed client had sent has been taken by then."""

    async def _act(self, writer, verb):
        if verb in {TAKEN, FORGET}:
            while len(self._lines) > 1:  # noqa: ASYNC110 the other lines end by themselves
                await asyncio.sleep(0.001)
            self.script = {**self.script, verb: self._told()}
        if verb == FORGET:
            self.taken.clear()
        return await super()._act(writer, verb)

    def _told(self):
        taken = Counter(mail.message["Message-ID"].strip("<>").split("@")[0] for mail in self.accepted)
        lines = ["taken", *(f"{token} {times}" for token, times in taken.items())]
        return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])
