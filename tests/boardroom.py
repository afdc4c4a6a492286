"""A board of six looked at twenty-five associations on 28 August 2025: everything that minutes may have to say."""

from datetime import date

from engine.across import parts_of
from engine.annulment import annul
from engine.ballots import Choice
from engine.meetings import meeting as meeting_facts
from engine.recusals import announce_absence, recuse
from engine.voting import Cast
from tests.api.counter import Counter
from workflows.membership.definition import MEMBERSHIP
from workflows.membership.takeover import NewMember, enter_all
from workflows.membership.words import State, Trigger

LONG = (
    "Association pour la sauvegarde, la mise en valeur et la promotion du patrimoine bâti, naturel et immatériel du "
    "Lauragais et des coteaux du Girou"
)
HOSTILE = (
    '#import "@preview/x:1.0.0" $x^2$ <label> @ref',
    "<script>alert(1)</script> & <b>gras</b>",
    "| pipe | [x](javascript:alert(1)) *étoile* `code` ![i](https://evil.example/i.png)",
    "جمعية الأمل للثقافة",
    "עמותת דגן",
    LONG,
    "1. Liste \\ fin",
    "Les 😀 Joyeux 日本",
)
NAMES = (
    *(
        "Vélo Lauragais",
        "Chorale d’Oc",
        "Les Amis du Pic",
        "Ludothèque de Ramonville",
        "Café bricol’",
        "Radio Canal Sud",
    ),
    *("Jardins partagés de Bellevue", "Ciné-club du Faubourg", "Théâtre de l’Escale", "AMAP des Coteaux"),
    *("Cercle d’échecs d’Auzeville", "Randonneurs du Girou", "Collectif Sans Toit", "Atelier Terre et Feu"),
    *("École de musique de Castanet", "Club nautique", "Amicale laïque"),
)
PEOPLE = (
    *(("S1", "Ana Pujol", "chair"), ("S2", "Bilal Haddad", "treasurer"), ("S3", "Cléo Marty", "secretary")),
    *(("S4", "Driss Benali", "member"), ("S5", "Élise Vidal-Roux", "member"), ("S6", "Farid Ould-Ali", "member")),
)
REMINDED = date(2025, 6, 1)
NOTE = "hospitalisé"
ASIDE = "sa sœur en est trésorière"
ANNULLED = "le règlement avait été mal saisi"
COMMENT = "ils m’ont écrit : ils paieront"


def seat_the_board(counter):
    """Replace the small board by people with names."""
    with counter.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM seat")
        rows = [(seat, person, f"{seat}@ca.example", role) for seat, person, role in PEOPLE]
        connection.exec_driver_sql("INSERT INTO seat (name, person, email, role) VALUES (?, ?, ?, ?)", rows)


def agenda_of_25(folder, names=(*NAMES, *HOSTILE)):
    """A counter on 20 August 2025: twenty-five associations are on the list."""
    counter = Counter(folder)
    seat_the_board(counter)
    when = counter.house.at("2025-06-15")
    with counter.house.engine.context.work(MEMBERSHIP, when, when) as work:
        entering = [_reminded(f"A{rank:04}", name) for rank, name in enumerate(names, start=1)]
        enter_all(work, entering, Trigger.IMPORT)
    return counter.pass_time("2025-06-16", "2025-08-20")


def _reminded(number, name):
    row = {"name": name, "kind": "association", "joined_on": date(2010, 1, 1), "email": f"{number}@asso.example"}
    return NewMember(number, row, State.REMINDED, REMINDED, (2025,), reminded_for=2025)


def evening_of_25(folder, names=(*NAMES, *HOSTILE)):
    """The same after the meeting: adopted, rejected, by hand, without quorum, withdrawn, annulled, from afar."""
    counter = agenda_of_25(folder, names)
    ids = [row[0] for row in counter.house.rows("SELECT id FROM ballot ORDER BY id")]
    counter.house.pay("2025-08-21", ("A0007", 2000))
    _vote(counter, "2025-08-25", "S5", ids[:6] + ids[7:20], Choice.ABSTAIN)
    meeting = counter.house.rows("SELECT id FROM meeting WHERE month = '2025-08'")[0][0]
    with counter.house.acting("2025-08-26") as work:
        part = parts_of(work, [ids[7]])[0]
        recuse(work, part.case, part.ballot, "S2", ASIDE, "Bilal Haddad")
        announce_absence(work, meeting_facts(work.connection, meeting), "S6", NOTE, "Farid Ould-Ali")
    counter.at("2025-08-28T19:00")
    counter.house.tick("2025-08-28T19:00")
    _vote(counter, "2025-08-28T19:10", "S4", [ids[2]], Choice.REJECT, COMMENT)
    sheet = {"present": ["S1", "S2", "S3"], "decisions": list(_decisions(ids))}
    status, said = counter.as_("secretary").put(f"/meetings/{meeting}/record", sheet)
    assert status == 200, said
    counter.as_("secretary").patch(f"/meetings/{meeting}", {"place": "Maison des associations, Ramonville"})
    counter.pass_time("2025-08-30")
    with counter.house.acting("2025-08-30") as work:
        part = parts_of(work, [ids[13]])[0]
        annul(work, part.case, part.ballot, ANNULLED, ("Ana Pujol", "Cléo Marty"))
    return counter


def _vote(counter, when, seat, ids, choice, comment=""):
    votes = [Cast(ballot, seat, choice, comment) for ballot in ids]
    counter.house.engine.cast_votes(MEMBERSHIP, votes, counter.house.at(when), "api")


def _decisions(ids):
    """What the room decided: mostly yes; the third and the eleventh no; the fifth by show of hands."""
    for rank, ballot in enumerate(ids, start=1):
        if rank == 5:
            yield {"ballot": ballot, "counts": {"approve": 2, "reject": 1, "abstain": 0}}
        elif rank in {3, 11}:
            yield {"ballot": ballot, "votes": {"S1": "reject", "S2": "reject", "S3": "approve"}}
        elif rank == 8:
            yield {"ballot": ballot, "votes": {"S1": "approve", "S3": "approve"}}
        elif rank not in {7, 25}:
            yield {"ballot": ballot, "votes": {"S1": "approve", "S2": "approve", "S3": "approve"}}
