"""Importing a file of any kind: read it, compare it with the database, say what would change."""

from collections.abc import Callable, Mapping
from pathlib import Path

from engine.clock import local_day
from engine.work import Work
from workflows.membership.register.associations import parse_associations
from workflows.membership.register.board import parse_board
from workflows.membership.register.changes import ImportPlan, RegisterKind
from workflows.membership.register.import_associations import plan_associations
from workflows.membership.register.import_board import plan_board
from workflows.membership.register.import_payments import plan_payments
from workflows.membership.register.import_services import plan_services
from workflows.membership.register.payments import parse_payments
from workflows.membership.register.services import parse_services


def plan_import(work: Work, kind: RegisterKind, path: Path) -> ImportPlan:
    """Compare a canonical file with the database; nothing is written yet.

    Refused lines are in the plan. Raises RegisterRefused for a file that cannot be read at all.
    """
    return _PLANS[kind](work, path)


def _associations(work: Work, path: Path) -> ImportPlan:
    return plan_associations(work, parse_associations(path, local_day(work.at, work.rules.tz)))


def _services(work: Work, path: Path) -> ImportPlan:
    return plan_services(work, parse_services(path))


def _board(work: Work, path: Path) -> ImportPlan:
    return plan_board(work, parse_board(path))


def _payments(work: Work, path: Path) -> ImportPlan:
    return plan_payments(work, parse_payments(path, local_day(work.at, work.rules.tz)))


_PLANS: Mapping[RegisterKind, Callable[[Work, Path], ImportPlan]] = {
    RegisterKind.ASSOCIATIONS: _associations,
    RegisterKind.SERVICES: _services,
    RegisterKind.BOARD: _board,
    RegisterKind.PAYMENTS: _payments,
}
