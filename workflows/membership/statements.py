"""The rows that members' decisions write, as statements built once."""

from engine.batch import Statement

ISSUE_DUE = Statement.insert(
    "due", "association_id", "year", "amount_cents", "settled_cents", "issued_at", "called_at", order=2, once=True
)
CALL_DUE = Statement(
    "UPDATE due SET called_at = ? WHERE association_id = ? AND year = ? AND called_at IS NULL", order=3
)
SETTLE_DUE = Statement.update("due", ("settled_cents",), ("association_id", "year"), order=4)
NEW_PAYMENT = Statement.insert(
    "payment", "id", "source", "external_id", "amount_cents", "paid_on", "method", "reference", "booked_at", order=2
)
NEW_ENTRY = Statement.insert(
    "ledger_entry", "association_id", "year", "kind", "amount_cents", "payment_id", "on_day", "at", "reason", order=3
)
SET_REMINDED = Statement.update("association", ("reminded_at", "concerned"), ("instance_id",))
SET_CUT = Statement.update("association", ("cut_at", "concerned"), ("instance_id",))
SET_CREDIT = Statement.update("association", ("credit_cents",), ("instance_id",))
SET_LEFT = Statement.update("association", ("left_on",), ("instance_id",))
SET_HOLD = Statement.update("association", ("hold_until", "hold_reason"), ("instance_id",))
SET_CONTACT = Statement.update("association", ("last_contact_on", "unreachable_since"), ("instance_id",))
SET_NOTIFIED = Statement.update("association", ("notified_at", "unreachable_since"), ("instance_id",))
SET_UNREACHABLE = Statement.update("association", ("unreachable_since",), ("instance_id",))
NEW_CONTACT = Statement.insert("contact", "association_id", "kind", "on_day", "channel", "note", "at", "actor")
PROVE = Statement(
    """UPDATE occurrence SET proven_at = ? WHERE instance_id = ? AND event = ? AND year = ?
    AND proven_at IS NULL AND effective_at <= ?"""
)
NEW_LETTER = Statement.insert("letter", "association_id", "kind", "created_at", "tracking", "search_note")
ORDER_SERVICES = Statement(
    """INSERT INTO service_order (service_id, action, occasion, ordered_at, status, note)
    SELECT id, ?, ?, ?, 'pending', '' FROM service WHERE association_id = ? ON CONFLICT DO NOTHING"""
)
