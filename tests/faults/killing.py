"""Processes that die by SIGKILL: forked from one that is warm, killed at a commit or at any moment."""

import os
import pickle
import signal
import traceback
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from select import select
from typing import Any, NoReturn

from sqlalchemy import Connection, event

from engine.store import WRITE, Store

KILLED = -signal.SIGKILL


class Side(StrEnum):
    """On which side of a commit a process dies."""

    BEFORE = "before"
    AFTER = "after"


class Commits:
    """Counts the commits of a store's writing transactions; at the one that is meant, the process is killed."""

    def __init__(self, store: Store, at: int = 0, side: Side | None = None) -> None:
        """Listen. Without a `side` nothing is killed."""
        self.number = 0
        self._at, self._side = at, side
        self._writing = False
        event.listen(store.engine, "commit", self._before)
        dialect = store.engine.dialect
        dialect.do_commit = partial(self._commit, dialect.do_commit)  # type: ignore[method-assign]

    def _before(self, connection: Connection) -> None:
        self._writing = connection.get_execution_options().get(WRITE, False)
        if self._writing:
            self.number += 1
            self._die_if(Side.BEFORE)

    def _commit(self, commit: Callable[[Any], None], connection: Any) -> None:
        commit(connection)
        if self._writing:
            self._die_if(Side.AFTER)

    def _die_if(self, side: Side) -> None:
        if self.number == self._at and side is self._side:
            os.kill(os.getpid(), signal.SIGKILL)


def forked(act: Callable[[], Any], kill_after: float | None = None) -> tuple[int, Any]:
    """Do something in a child. Returns how it ended (0, or what killed it, negative), and what it returned.

    After so many seconds it is killed, wherever it is.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _end_with(act, writing)
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123 a pipe has no path
        if kill_after is not None and not select([pipe], [], [], kill_after)[0]:
            os.kill(child, signal.SIGKILL)
        told = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, pickle.loads(told) if code == 0 else None  # noqa: S301 our own child's


def _end_with(act: Callable[[], Any], writing: int) -> NoReturn:
    """In the child: do it, tell what it returned, and end without anything of the parent's."""
    code = 1
    try:
        told = pickle.dumps(act())
        with open(writing, "wb") as pipe:
            pipe.write(told)
        code = 0
    except BaseException:  # noqa: BLE001 the parent hears that it failed
        traceback.print_exc()
    finally:
        os._exit(code)


def done(act: Callable[[], Any]) -> Any:
    """Do something in a child that must live to its end."""
    code, told = forked(act)
    assert code == 0, f"a process that nobody killed ended with {code}"
    return told
