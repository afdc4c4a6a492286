"""The register as canonical CSV (INTERFACE § 5), in and out."""

from workflows.membership.register.associations import read_associations
from workflows.membership.register.board import SeatRow, read_board
from workflows.membership.register.payments import PaymentRow, read_payments
from workflows.membership.register.refusals import Refusal, RegisterRefused
from workflows.membership.register.services import read_services

__all__ = [
    "PaymentRow",
    "Refusal",
    "RegisterRefused",
    "SeatRow",
    "read_associations",
    "read_board",
    "read_payments",
    "read_services",
]
