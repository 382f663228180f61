"""Which status answers which refusal of the systems, by the reasons that the clients give."""

from __future__ import annotations

_REASONS = {
    402: "insufficient_credits insufficient_balance",
    403: """
        invalid_license inactive_license expired_license
        foreign_purchase foreign_session foreign_subscription foreign_operation
    """,
    404: """
        workspace_not_found purchase_not_found credit_purchase_not_found leads_not_found
        user_not_found user_profile_not_found session_not_found subscription_not_found
        reservation_not_found unknown_generation operation_not_found event_not_found
        idempotency_key_not_found
    """,
    422: """
        no_leads lead_id_missing lead_given_twice unknown_payment_method invalid_amount
        reason_missing stripe_refund_id_missing wrong_payment_method wrong_amount
        missing_user_id missing_idempotency_key missing_stripe_session_id missing_reservation_key
        invalid_request invalid_limit unknown_transaction_type reference_incomplete same_user
        unknown_allocation_type invalid_period event_id_missing invalid_duration wrong_duration
        invalid_operation_type invalid_operation_id invalid_fingerprint invalid_lease
        invalid_stripe_key invalid_stripe_resource invalid_idempotency_key
        invalid_response_status invalid_event_id invalid_event_type invalid_effect invalid_start
        invalid_metadata response_body_missing reference_missing title_missing error_missing
    """,
}

# A reason that isn't here is a conflict with the state of things: 409.
STATUS_OF = {reason: status for status, reasons in _REASONS.items() for reason in reasons.split()}
