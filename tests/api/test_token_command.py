"""`relance token`: made, shown once, listed, revoked."""

from api.cli import SUBJECTS, main
from api.commands import token

if "token" not in SUBJECTS:
    token.register(main)


def test_a_token_is_shown_once_and_opens_until_it_is_revoked(desk):
    made = desk.json("token", "create", "--role", "board", "--seat", "S1", "--name", "Ana")
    assert made["token"].startswith("relance_")
    assert (made["id"], made["role"], made["seat"], made["name"]) == (1, "board", "S1", "Ana")
    said = desk.type("token", "create", "--role", "treasurer", "--name", "Bilal")
    assert said.stdout.strip().startswith("relance_")
    assert "once" in said.stderr
    listed = desk.json("token", "list")
    assert [(one["name"], one["role"]) for one in listed] == [("Ana", "board"), ("Bilal", "treasurer")]
    assert made["token"] not in str(listed)
    assert desk.say("token", "revoke", "1") == ["Token 1 is revoked"]
    assert "revoked_at" in desk.json("token", "list")[0]
    assert desk.refused("token", "revoke", "1") == "there is no token 1 in force"


def test_a_board_token_names_a_seat_that_is_there(desk):
    assert "name it" in desk.refused("token", "create", "--role", "board", "--name", "Ana")
    refused = desk.refused("token", "create", "--role", "board", "--seat", "S9", "--name", "Ana")
    assert refused == "there is no seat S9"
    desk.misused("token", "create", "--role", "king", "--name", "Ana")
