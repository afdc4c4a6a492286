"""Outgoing webhooks as an admin has them: off by default; configured, listed, tried, told again; silent in a copy."""

import pytest

from api.announcing import hooks_of
from api.settings import load_settings
from engine.errors import BadConfiguration
from tests.api.counter import Counter
from tests.notifications.receiver import Receiver
from tests.notifications.test_webhooks import KEY

SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
LIVE = '[organisation]\nname = "LHA"\nemail = "bureau@lha.example"\n[mail]\nmode = "live"\nport = 1\n'


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def out(url, *lines):
    """A hook in relance.toml; its secret is in a file."""
    return "\n".join(["[[webhooks.out]]", f'url = "{url}"', 'secret_file = "hook-secret"', *lines, ""])


def configure(desk, *hooks):
    desk.write("hook-secret", SECRET + "\n")
    return desk.write("relance.toml", LIVE + "".join(hooks))


def live(desk):
    desk.rows("UPDATE switch SET value = 'live'")


def the_call_is_told(desk, receiver):
    """Listening from the end of November on; then the call of December leaves."""
    configure(desk, out(receiver.url, 'name = "there"', "allow_private = true", 'events = ["transition"]'))
    live(desk)
    desk.type("tick")
    desk.at("2025-01-15").type("tick")
    return desk


def test_what_a_tick_does_is_told_at_its_end(desk, receiver):
    the_call_is_told(desk, receiver)
    assert receiver.types() == []
    desk.at("2025-12-01T10:00").type("tick")
    assert receiver.types() == ["transition.call"] * 3
    for taken in receiver.taken:
        taken.verify(KEY)
    assert [one["status"] for one in desk.json("webhooks")] == ["delivered"] * 3
    lines = desk.say("webhooks", "--status", "delivered")
    assert lines[0].split() == ["delivery", "hook", "type", "status", "attempts", "when", "answer"]
    assert lines[1].split()[:5] == ["1", "there", "transition.call", "delivered", "1"]
    assert desk.say("webhooks", "--status", "failed") == ["Nothing was told to any webhook."]


def test_what_a_person_does_between_two_ticks_is_told_by_the_next(desk, receiver):
    the_call_is_told(desk, receiver)
    desk.at("2025-01-16").type("leave", "A0001", "--reason", "dissolved")
    assert receiver.taken == []
    desk.type("tick")
    assert receiver.types() == ["transition.leave"]


def test_without_a_hook_nothing_is_noted(desk):
    desk.at("2025-12-01T10:00").type("tick")
    assert desk.rows("SELECT count(*) FROM announcement") == [(0,)]
    assert desk.rows("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'") == [(0,)]


def test_it_is_told_again_where_a_person_says_so(desk, receiver):
    the_call_is_told(desk, receiver)
    desk.at("2025-12-01T10:00").type("tick")
    assert desk.say("webhooks", "retry", "2", "3") == ["2 deliveries will leave again"]
    assert desk.refused("webhooks", "retry", "1", "99") == "there is no delivery 99"
    desk.type("tick")
    assert [taken.id for taken in receiver.taken[3:]] == [taken.id for taken in receiver.taken[1:3]]


def test_what_waits_for_its_next_attempt_becomes_due_when_a_person_says_so(desk, receiver):
    the_call_is_told(desk, receiver)
    receiver.answers = [503]
    desk.at("2025-12-01T10:00").type("tick")
    desk.type("tick")
    told = len(receiver.taken)
    assert [one["status"] for one in desk.json("webhooks") if one["id"] == 2] == ["pending"]
    assert desk.say("webhooks", "retry", "2") == ["1 delivery will leave again"]
    desk.type("tick")
    assert len(receiver.taken) == told + 1
    assert [one["status"] for one in desk.json("webhooks") if one["id"] == 2] == ["delivered"]


def test_what_is_being_told_just_now_is_not_told_again(desk, receiver):
    the_call_is_told(desk, receiver)
    desk.at("2025-12-01T10:00").type("tick")
    desk.damage("UPDATE webhook_delivery SET status = 'sending' WHERE id = 2")
    assert desk.refused("webhooks", "retry", "2") == "delivery 2 is sending: it leaves just now"


def test_the_help_names_the_table_that_turns_webhooks_on(desk):
    said = " ".join(desk.type("webhooks", "--help").stdout.split())
    assert "off until relance.toml has [[webhooks.out]]." in said


def test_a_restored_copy_tells_nobody(desk, receiver):
    the_call_is_told(desk, receiver)
    receiver.answers = [500] * 3
    desk.at("2025-12-01T10:00").type("tick")
    desk.type("backup", "copy.db")
    (desk.folder / "relance.db").unlink()
    desk.type("restore", "copy.db")
    told = len(receiver.taken)
    desk.at("2026-01-15T10:00").type("tick")
    assert len(receiver.taken) == told
    assert {one["status"] for one in desk.json("webhooks")} == {"captured"}
    live(desk)
    desk.type("tick")
    assert len(receiver.taken) == told


def test_a_webhook_can_be_tried_out(desk, receiver):
    configure(desk, out(receiver.url, "allow_private = true"))
    said = desk.say("webhooks", "test", "127.0.0.1")
    assert said == ["127.0.0.1 took the test: answered 204"]
    receiver.taken[0].verify(KEY)
    assert receiver.types() == ["test"]
    receiver.answers = [401]
    assert desk.refused("webhooks", "test", "127.0.0.1") == ("webhook 127.0.0.1 did not take the test: answered 401")
    assert desk.refused("webhooks", "test", "elsewhere") == "there is no webhook elsewhere: there are 127.0.0.1"


def test_doctor_tells_of_hooks_and_of_what_failed(desk, receiver):
    the_call_is_told(desk, receiver)
    receiver.answers = [410] * 3
    desk.at("2025-12-01T10:00").type("tick")
    said = desk.type("doctor").stdout
    assert "there: try them with relance webhooks test NAME" in said
    assert "3 failed: relance webhooks --status failed" in said
    assert [task["kind"] for task in desk.json("tasks")].count("webhook_failed") == 1


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (out("https://a.example/", 'events = ["transition.suspended"]'), "did you mean transition.suspend?"),
        (out("https://a.example/", 'events = ["payments"]'), 'there is no event "payments"; expected ballot, task, '),
        ('[[webhooks.out]]\nurl = "https://a.example/"\n', "webhooks.out[0].secret_file: missing"),
        (out("https://a.example/") + '[[webhooks.out]]\nurl = "https://b.example/"\nsecret_file = "nope"\n', "nope"),
        (out("http://a.example/"), "webhooks.out[0].url: is not encrypted; expected https://, or allow_private"),
        (out("https://me:pass@a.example/"), "webhooks.out[0].url: holds a name or password"),
        (out("https://a.example/") * 2, 'two are called "a.example"; expected a name = "…" of its own for each'),
    ],
)
def test_what_cannot_be_is_refused_at_the_start_in_one_line(desk, toml, said):
    configure(desk, toml)
    line = desk.refused("tick")
    assert said in line
    assert "pass" not in line.replace("password", "")
    assert said in desk.refused("serve", "--port", "0")


def test_a_weak_secret_is_refused(desk):
    configure(desk, out("https://a.example/"))
    desk.write("hook-secret", "whsec_QUJD")
    assert desk.refused("tick") == (
        "webhooks.out[0].secret_file: a webhook's secret is whsec_ and the base64 of 24 to 64 bytes"
    )


def test_decisions_are_three_types_and_a_topic_stands_for_all_of_its(desk):
    path = configure(desk, out("https://a.example/", 'events = ["decision", "task"]'))
    [hook] = hooks_of(load_settings(path, environ={}))
    kinds = ("ballot.adopted", "ballot.rejected", "ballot.annulled", "task.opened")
    assert all(hook.wants(kind) for kind in kinds)
    assert not any(hook.wants(kind) for kind in ("ballot.opened", "transition.pay", "tasks.opened"))
    assert "QUJD" not in repr(hook)
    with pytest.raises(BadConfiguration):
        hooks_of(load_settings(configure(desk, out("https://a.example/", 'events = [""]')), environ={}))


def test_the_api_lists_them_and_tells_again(tmp_path):
    counter = Counter(tmp_path)
    with counter.store.write() as connection:
        connection.exec_driver_sql("INSERT INTO webhook_hook VALUES ('there', 2, '2025-01-01 00:00:00.000000')")
        for number, status in ((1, "delivered"), (2, "failed")):
            connection.exec_driver_sql(
                "INSERT INTO announcement (id, uid, topic, what, ref) VALUES (?, ?, 'task', 'opened', 1)",
                (number, f"uid{number}"),
            )
            connection.exec_driver_sql(
                """INSERT INTO webhook_delivery (hook, announcement_id, type, status, created_at, due_at, until,
                    attempts, error) VALUES ('there', ?, 'task.opened', ?, ?, ?, ?, 3, '')""",
                (number, status, *["2025-01-01 00:00:00.000000"] * 3),
            )
    admin, path = counter.as_("admin"), "/webhook-deliveries"
    listed = admin.get(path, limit=1)
    assert [(one["id"], one["message"], one["status"]) for one in listed["items"]] == [(1, "uid1", "delivered")]
    assert [one["id"] for one in admin.get(path, cursor=listed["next"])["items"]] == [2]
    assert [one["id"] for one in admin.get(path, status="failed")["items"]] == [2]
    status, told = admin.post(f"{path}/2/retry")
    assert status == 200
    assert (told["status"], told["attempts"]) == ("pending", 0)
    assert admin.post(f"{path}/2/retry")[0] == 200
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE webhook_delivery SET status = 'sending' WHERE id = 2")
    assert admin.refused("POST", f"{path}/2/retry")[0] == 409
    assert admin.refused("POST", f"{path}/9/retry")[0] == 404
    assert counter.as_("treasurer").refused("GET", path)[0] == 403
    counter.close()
