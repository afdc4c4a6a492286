"""The register as canonical CSV (INTERFACE § 5), in and out."""

from workflows.membership.register.associations import read_associations
from workflows.membership.register.board import SeatRow, read_board
from workflows.membership.register.changes import Change, ImportPlan, RegisterKind, apply_import
from workflows.membership.register.export import export_register
from workflows.membership.register.imports import plan_import
from workflows.membership.register.payments import PaymentRow, read_payments
from workflows.membership.register.refusals import Refusal, RegisterRefused
from workflows.membership.register.services import read_services
from workflows.membership.register.statement import takeover_statement, totals_of

__all__ = [
    "Change",
    "ImportPlan",
    "PaymentRow",
    "Refusal",
    "RegisterKind",
    "RegisterRefused",
    "SeatRow",
    "apply_import",
    "export_register",
    "plan_import",
    "read_associations",
    "read_board",
    "read_payments",
    "read_services",
    "takeover_statement",
    "totals_of",
]
