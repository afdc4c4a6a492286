"""`relance serve` as a real process: what its first run does is told to the webhook, and it stops in good order."""

import sqlite3
from contextlib import closing

from tests.api.test_outgoing_webhooks import LIVE, SECRET, out
from tests.faults.served import Served, rows, settle
from tests.notifications.receiver import Receiver
from tests.notifications.test_webhooks import KEY
from tests.served import until


def test_the_service_tells_what_it_does(tmp_path):
    folder = tmp_path / "house"
    folder.mkdir()
    receiver = Receiver()
    hook = out(receiver.url, "allow_private = true", 'events = ["task.opened"]')
    settle(folder, LIVE + hook)
    (folder / "hook-secret").write_text(SECRET)
    with closing(sqlite3.connect(folder / "relance.db")) as connection, connection:
        connection.execute("INSERT INTO switch (name, value) VALUES ('mail_mode', 'live')")
    served = Served(folder, tmp_path)
    try:
        until(lambda: receiver.taken)
        until(lambda: rows(folder, "SELECT DISTINCT status FROM webhook_delivery") == [("delivered",)])
        until(served.ready)
        served.stop_well()
    finally:
        served.end()
        receiver.close()
    opened = [kind for (kind,) in rows(folder, "SELECT kind FROM task ORDER BY id")]
    told = [taken.said["data"]["kind"] for taken in receiver.taken]
    assert told == opened[: len(told)]  # it may have been stopped before the last one
    for taken in receiver.taken:
        taken.verify(KEY)
