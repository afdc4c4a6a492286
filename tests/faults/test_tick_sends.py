"""`relance tick` for cron: after what was due, one round of the outbox; and it tells of a silence."""

import pytest

from tests.notifications.smtp_server import SmtpServer
from tests.terminal import associations


@pytest.fixture
def server():
    with SmtpServer() as made:
        yield made


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """One association that owes 2025, in a folder whose mail goes to a server on loopback."""
    from tests.api.conftest import sit_down

    made = sit_down(tmp_path, monkeypatch).at("2025-01-14T20:00")
    made.type("init")
    row = ("A0021", "Vingt-et-un", "called", "2024-12-01", "2025")
    made.type("import", "associations", made.write("a.csv", associations(row, more="state since owes")))
    return made


def configure(desk, server):
    """Write relance.toml: the configuration lets mail leave."""
    mail = f'[mail]\nmode = "live"\nhost = "127.0.0.1"\nport = {server.port}\nmax_per_minute = 6000\n'
    desk.write("relance.toml", f'[organisation]\nname = "LHA"\nemail = "bureau@lha.example"\n{mail}')


def test_mail_leaves_where_both_say_live(desk, server):
    configure(desk, server)
    desk.rows("UPDATE switch SET value = 'live'")
    said = desk.at("2025-01-15").say("tick")
    assert said[-2:] == ["1 mail written into the outbox", "1 mail sent"]
    assert [taken.recipient for taken in server.taken] == ["contact@a0021.example"]
    assert desk.say("tick") == ["Nothing was due."]
    assert len(server.taken) == 1


def test_else_it_is_kept_for_reading(desk, server):
    configure(desk, server)
    desk.at("2025-01-15").type("tick")
    assert server.taken == []
    assert [message["status"] for message in desk.json("outbox")] == ["captured"]


def test_as_if_it_were_another_day_nothing_leaves(desk, server):
    configure(desk, server)
    desk.rows("UPDATE switch SET value = 'live'")
    desk.at("2025-01-16").type("tick", "--now", "2025-01-15")
    assert server.taken == []
    assert [message["status"] for message in desk.json("outbox")] == ["pending"]


def test_a_day_without_a_run_is_told_of(desk, server):
    configure(desk, server)
    desk.rows("UPDATE switch SET value = 'live'")
    desk.at("2025-01-15").type("tick")
    assert "1 mail sent" in desk.at("2025-02-20").say("tick")
    assert server.taken[-1].recipient == "bureau@lha.example"
    assert server.taken[-1].message["Subject"] == "[LHA] Alerte : Relance ne tourne pas"
    assert [task["done_by"] for task in desk.json("tasks", "--all") if task["kind"] == "not_running"] == ["relance"]
