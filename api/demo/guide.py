"""What a demo prints when it begins: what to open, five things to try in order, how to stop. 80 columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from api.demo.tokens import secret_of
from api.demo.town import FIRST_DAY
from api.demo.words import EN, FR, Language, in_words
from api.tables import Role
from engine.clock import local_day

DEFAULT_PORT = 8000
_HEAD: Mapping[Language, str] = {
    EN: """\
Relance, a demo: it is {today}; the date stands still until you move
it. Everything is fictional; mails are kept to be read, none ever leaves.

Open in a browser
  {url}        the date, who is where, the mails
  {url}/docs   the API, with a token for each role:
    {tokens1}
    {tokens2}
""",
    FR: """\
Relance, démonstration : on est le {today}, et la date n’avance que si
vous la déplacez. Tout est fictif ; les courriels se lisent, aucun ne part.

À ouvrir dans un navigateur
  {url}        la date, qui en est où, les courriels
  {url}/docs   l’API (en anglais), un jeton par rôle :
    {tokens1}
    {tokens2}
""",
}
_STEPS: Mapping[Language, str] = {
    EN: """
To try, in another terminal, in this folder
 1. The call for dues leaves on 1 December. Move on, then read a mail:
      {relance} demo move 2025-12-02{where}
 2. {payer} pays: it is up to date again, and gets a receipt:
      curl --oauth2-bearer demo-treasurer \\
        --json '{{"amount": "20.00", "paid_on": "2025-12-02"}}' \\
        {url}/api/v1/associations/{payer}/payments
 3. Half a year passes, most pay by themselves; the reminder leaves on 1 June:
      {relance} demo move 2026-06-02{where}
 4. In August the board votes on who still owes. One seat (the page names the
    ballots), then all of them, which the page's button does too:
      {relance} demo move 2026-08-27{where}
      curl -X PUT --oauth2-bearer demo-chair --json '{{"choice":"approve"}}' \\
        {url}/api/v1/ballots/NUMBER/vote
      curl --json '{{"choice":"approve"}}' {url}/api/v1/demo/votes
 5. On 1 September the services of those it decided on are interrupted:
      {relance} demo move 2026-09-02{where}
""",
    FR: """
À essayer, dans un autre terminal, dans ce dossier
 1. L’appel à cotisation part le 1er décembre. Avancez, puis lisez-en un :
      {relance} demo move 2025-12-02{where}
 2. {payer} règle : la voilà à jour, et elle reçoit un reçu :
      curl --oauth2-bearer demo-treasurer \\
        --json '{{"amount": "20.00", "paid_on": "2025-12-02"}}' \\
        {url}/api/v1/associations/{payer}/payments
 3. Six mois passent, la plupart règlent d’elles-mêmes ; relance le 1er juin :
      {relance} demo move 2026-06-02{where}
 4. En août, le conseil vote sur celles qui doivent encore. Un siège (la page
    donne les numéros), puis tous, comme le fait le bouton de la page :
      {relance} demo move 2026-08-27{where}
      curl -X PUT --oauth2-bearer demo-chair --json '{{"choice":"approve"}}' \\
        {url}/api/v1/ballots/NUMÉRO/vote
      curl --json '{{"choice":"approve"}}' {url}/api/v1/demo/votes
 5. Le 1er septembre, les services de celles-ci sont interrompus :
      {relance} demo move 2026-09-02{where}
""",
}
_FOOT: Mapping[Language, str] = {
    EN: """
Other commands work on this demo, at its date, after
      export RELANCE_CONFIG={config}
such as  {relance} show A0101

Ctrl-C stops it; {kept}.""",
    FR: """
Les autres commandes suivent cette démo, à sa date, après
      export RELANCE_CONFIG={config}
par exemple  {relance} show A0101

Ctrl-C l’arrête ; {kept}.""",
}
_KEPT: Mapping[Language, tuple[str, str]] = {
    EN: ("nothing of it stays", "it goes on from this folder next time"),
    FR: ("il n’en reste rien", "elle reprendra de ce dossier la prochaine fois"),
}
PAYER = "A0089"
"""One that never pays in the fictional year."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a demo runs: its address, its folder, whether that stays, how `relance` is typed."""

    url: str
    folder: Path
    stays: bool
    relance: str


def guide(place: Place, now: datetime, tz: ZoneInfo, language: Language) -> str:
    """Say what to open and try; a demo that goes on where it stood is past the things to try."""
    today = local_day(now, tz)
    tokens = [secret_of(role) for role in Role]
    half = len(tokens) // 2
    text = _HEAD[language] + (_STEPS[language] if today == FIRST_DAY else "") + _FOOT[language]
    return text.format(
        today=in_words(today, language),
        url=place.url,
        tokens1=" ".join(tokens[:half]),
        tokens2=" ".join(tokens[half:]),
        relance=place.relance,
        where=_where(place.url),
        payer=PAYER,
        config=place.folder / "relance.toml",
        kept=_KEPT[language][place.stays],
    )


def _where(url: str) -> str:
    """Return how `demo move` is told where the demo is, unless it is where it is looked for."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    elsewhere = "" if host in {"127.0.0.1", "0.0.0.0"} else f" --host {host.strip('[]')}"  # noqa: S104 compared, not listened on
    return elsewhere + ("" if int(port) == DEFAULT_PORT else f" --port {port}")
