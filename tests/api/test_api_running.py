"""The API: the calendar, tasks, the outbox, services, simulations, the journal, and how the whole is seen."""

import json

import pytest

from tests.api.counter import V1, Counter
from workflows.membership.words import State


@pytest.fixture
def counter(tmp_path):
    made = Counter(tmp_path)
    yield made
    made.close()


def test_the_calendar_says_what_is_done_and_what_is_due(counter):
    counter.called().pass_time("2025-01-16")
    items = counter.as_("reader").get("/calendar", **{"from": "2024-11-30", "until": "2025-09-30"})["items"]
    steps = {(one["event"], one["year"]): one for one in items}
    assert steps["call", 2025]["status"] == "done"
    assert steps["call", 2025]["touches"] == 3
    assert steps["remind", 2025] | {"prevents": [], "what": ""} == {
        "event": "remind",
        "year": 2025,
        "at": "2025-06-01T07:00:00Z",
        "until": "2025-08-15T22:00:00Z",
        "status": "due",
        "touches": 3,
        "names": ["A1", "A2", "A3"],
        "prevents": [],
        "what": "",
    }
    reader = counter.as_("reader")
    assert reader.refused("GET", "/calendar", params={"from": "2025-01-01", "until": "2024-01-01"}) == (422, "invalid")
    assert reader.refused("GET", "/calendar", params={"from": "yesterday"}) == (422, "invalid")
    first = reader.get("/calendar", limit=1)
    assert reader.get("/calendar", limit=1, cursor=first["next"])["items"] != first["items"]


def test_the_status_counts_who_is_where(counter):
    whole = counter.called().as_("reader").get("/status")
    assert whole["states"]["called"] == 3
    assert set(whole) >= {"states", "mail_mode", "last_tick", "version"}
    assert whole["mail_mode"] == "capture"


def test_a_task_is_done_once(counter):
    counter.called().as_("treasurer").post("/associations/A1/payments", {"amount": "25.00", "paid_on": "2024-12-02"})
    treasurer = counter.as_("treasurer")
    task = treasurer.get("/tasks")["items"][0]
    assert (task["kind"], task["association"], task["done_at"]) == ("surplus", "A1", None)
    status, done = treasurer.post(f"/tasks/{task['id']}/done", {"note": "a gift"})
    assert (status, done["done_by"], done["note"]) == (200, "the treasurer", "a gift")
    assert treasurer.get("/tasks")["items"] == []
    assert treasurer.get("/tasks", done=True)["items"] == [done]
    assert treasurer.get(f"/tasks/{task['id']}") == done
    assert treasurer.refused("POST", f"/tasks/{task['id']}/done", {}) == (409, "not-allowed")
    assert treasurer.refused("POST", "/tasks/999/done", {}) == (404, "not-found")


def test_a_brake_that_the_treasurer_has_done_lets_its_step_go_on(counter):
    counter.house.enter(*(f"A{number}" for number in range(20)))
    counter.pass_time("2024-12-02", "2025-01-16", "2025-06-02")
    task = next(one for one in counter.as_("admin").get("/tasks")["items"] if one["kind"] == "brake")
    assert counter.as_("admin").refused("POST", f"/tasks/{task['id']}/done", {}) == (403, "not-allowed")
    assert counter.house.state("A7") == "called"
    assert counter.as_("treasurer").post(f"/tasks/{task['id']}/done", {"note": "read"}, key="k")[0] == 200
    assert counter.as_("treasurer").post(f"/tasks/{task['id']}/done", {"note": "read"}, key="k")[0] == 200
    assert counter.house.state("A7") == "reminded"
    assert counter.house.rows("SELECT count(*) FROM outbox_message WHERE kind = 'reminder'") == [(20,)]


def test_the_outbox_is_the_admins(counter):
    admin = counter.called().as_("admin")
    message = admin.get("/outbox", limit=1)["items"][0]
    assert set(message) >= {"id", "kind", "association", "to", "status", "due_at", "sent_at"}
    assert (message["kind"], message["to"]) == ("call_for_dues", "contact@a1.example")
    assert admin.get(f"/outbox/{message['id']}")["body"] is None
    assert admin.refused("POST", f"/outbox/{message['id']}/retry") == (409, "not-allowed")
    with counter.store.write() as connection:
        connection.exec_driver_sql("UPDATE outbox_message SET status = 'failed' WHERE id = ?", (message["id"],))
    assert admin.get("/outbox", status="failed")["items"][0]["id"] == message["id"]
    status, again = admin.post(f"/outbox/{message['id']}/retry")
    assert (status, again["status"]) == (200, "pending")
    assert admin.refused("GET", "/outbox/999") == (404, "not-found")
    assert admin.refused("POST", "/outbox/999/retry") == (404, "not-found")


@pytest.fixture
def gone(counter):
    """A1 has left, with a website and a list."""
    counter.called()
    with counter.store.write() as connection:
        rows = [("website", "a1.example"), ("list", "infos@a1.example")]
        sql = """INSERT INTO service (association_id, kind, identifier)
            SELECT id, ?, ? FROM workflow_instance WHERE subject = 'A1'"""
        connection.exec_driver_sql(sql, rows)
    counter.as_("secretary").post("/associations/A1/departure", {"on": "2024-12-02", "reason": "dissolved"})
    return counter.pass_time("2024-12-20")


def test_services_are_archived_then_deleted_once_an_admin_confirms(gone):
    admin = gone.as_("admin")
    assert [(one["kind"], one["orders"]) for one in admin.get("/services", association="A1")["items"]] == [
        ("website", []),
        ("list", []),
    ]
    assert admin.post("/service-orders/confirm", {"orders": ["A2"]})[1] == {"confirmed": []}
    task = next(one for one in admin.get("/tasks")["items"] if one["kind"] == "confirm_deletion")
    assert admin.post("/service-orders/confirm", {"orders": [task["id"]]})[1] == {"confirmed": ["A1"]}
    website = admin.get("/services")["items"][0]
    assert [order["action"] for order in website["orders"]] == ["archive"]
    ack = f"/service-orders/{website['orders'][0]['id']}/ack"
    assert admin.post(ack, {"ok": False, "note": "disk full"})[1]["status"] == "failed"
    assert admin.post(ack, {"ok": True, "note": "done"})[1]["status"] == "done"
    assert [order["action"] for order in admin.get("/services")["items"][0]["orders"]] == ["delete", "archive"]
    assert admin.refused("POST", ack, {"ok": True}) == (409, "not-allowed")
    assert admin.refused("POST", "/service-orders/999/ack", {"ok": True}) == (404, "not-found")
    assert admin.refused("POST", "/service-orders/confirm", {"orders": [999]}) == (404, "not-found")
    assert admin.refused("POST", "/service-orders/confirm", {"orders": ["NONE"]}) == (404, "unknown-association")


def test_a_task_that_confirms_a_deletion_is_an_admins(gone):
    task = next(one for one in gone.as_("admin").get("/tasks")["items"] if one["kind"] == "confirm_deletion")
    assert gone.as_("treasurer").refused("POST", f"/tasks/{task['id']}/done", {}) == (403, "not-allowed")
    assert gone.as_("admin").post(f"/tasks/{task['id']}/done", {})[0] == 200
    assert gone.house.rows("SELECT count(*) FROM service_order WHERE action = 'archive'") == [(2,)]


def test_a_service_is_renamed_but_not_into_another(gone):
    admin = gone.as_("admin")
    one, other = admin.get("/services")["items"]
    path = f"/services/{one['id']}"
    assert admin.patch(path, {"identifier": "www.a1.example"})[1]["identifier"] == "www.a1.example"
    same = {"kind": other["kind"], "identifier": other["identifier"]}
    assert admin.refused("PATCH", path, same) == (409, "invalid")
    assert admin.refused("PATCH", "/services/999", {"kind": "x"}) == (404, "not-found")


def test_a_simulation_plays_on_a_copy(counter):
    reader = counter.called().as_("reader")
    asked = {"from": "2025-01-01", "until": "2025-12-31", "assume": "nobody-pays"}
    status, result = reader.post("/simulations", asked, key="s")
    assert (status, result["ok"], result["final"]["A1"]) == (200, True, "suspended")
    assert reader.post("/simulations", asked, key="s") == (200, result)
    assert counter.house.state("A1") == "called"
    assert reader.refused("POST", "/simulations", asked | {"until": "2020-01-01"}) == (422, "invalid")
    assert reader.refused("POST", "/simulations", asked | {"until": "2099-01-01"}) == (422, "invalid")


def test_the_journal_is_read_after_a_line(counter):
    reader = counter.called().as_("reader")
    first = reader.get("/journal", limit=2)["items"]
    after = reader.get("/journal", after=first[-1]["id"])["items"]
    assert after[0]["id"] > first[-1]["id"]
    assert (first[0]["trigger"], first[0]["from"], first[0]["to"]) == ("import", None, "paid")


def test_events_go_on_after_the_last_one_told(counter):
    counter.called()
    counter.api.stopping.set()  # what is there is told, then the line ends
    reader = counter.as_("reader")
    last = reader.get("/journal", limit=200)["items"][-1]["id"]
    response = reader.ask("GET", "/events", headers={"Last-Event-ID": str(last - 2)})
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = response.text.splitlines()
    assert [line for line in lines if line.startswith("id:")] == [f"id: {last - 1}", f"id: {last}"]
    told = json.loads(next(line for line in lines if line.startswith("data:")).removeprefix("data:"))
    assert told["id"] == last - 1
    assert reader.ask("GET", "/events").text == ""


def test_health_needs_no_token_and_names_nobody(counter):
    nobody = counter.called().as_(None).client
    assert nobody.get("/healthz").json()["status"] == "ok"
    ready = nobody.get("/readyz")
    assert (ready.status_code, ready.json()["problems"]) == (503, ["nobody schedules here"])
    text = nobody.get("/metrics").text
    assert 'relance_associations{state="called"} 3.0' in text
    assert 'relance_http_requests_total{method="GET",status="200"} 1.0' in text


def test_readiness_names_a_database_that_is_gone(counter):
    counter.store.close()
    counter.path.write_bytes(b"this is no database at all" * 100)
    ready = counter.as_(None).client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["database"] is False
    assert counter.as_("reader").refused("GET", "/status") == (503, "database-unavailable")


def test_the_documentation_is_complete_and_loads_nothing_from_elsewhere(counter):
    client = counter.as_(None).client
    api = client.get("/openapi.json").json()
    page = client.get("/docs")
    assert "<script" not in page.text
    assert 'src="' not in page.text
    assert 'href="http' not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert client.get("/static/docs.css").headers["content-type"].startswith("text/css")
    operations = [one for path, item in api["paths"].items() if path.startswith(V1) for one in item.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    for one in operations:
        assert one["description"]
        assert one.get("security") or one["tags"] == ["webhooks"]  # a signature speaks for itself
        problem = one["responses"]["422"]["content"]["application/problem+json"]["schema"]
        assert problem == {"$ref": "#/components/schemas/Problem"}
        assert one["operationId"] in page.text


def test_a_state_that_is_none_is_refused(counter):
    assert counter.as_("reader").refused("GET", "/associations", params={"state": "gone"}) == (422, "invalid")
    assert counter.as_("reader").get("/associations", state=State.PAID.value)["items"] == []
