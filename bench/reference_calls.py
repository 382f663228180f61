"""What the reference functions are called with when their speed is measured."""

from __future__ import annotations

from dataclasses import dataclass

MUCH = 1_000_000_000


@dataclass(frozen=True)
class System:
    """A target, the SQL that makes what its calls need, and the calls, by operation.

    In all of it ``{account}`` stands for the number of an account, ``{a}`` and ``{other}`` for an id
    that it has and one that nobody else has, ``{much}`` for more credits than are ever spent, and
    ``{next}`` for the id of a thing that was in no call yet. ``each`` runs for every account, ``once``
    before; ``spend`` is the operation that takes an account's credits. A colon that isn't a name's is
    written as ``chr(58)``: pgbench knows no quotes.
    """

    target: str
    each: str
    calls: dict[str, str]
    spend: str
    once: str = ""

    @staticmethod
    def filled(text: str, account: str) -> str:
        """Return SQL with an account's number, or a name for it, in all places."""
        parts = {
            "{a}": "lpad({account}::text, 32, '0')::uuid",
            "{other}": "lpad(({account} + 1000)::text, 32, '0')::uuid",
            "{next}": "lpad(nextval('bench_thing')::text, 32, '0')::uuid",
            "{much}": str(MUCH),
        }
        for name, part in parts.items():
            text = text.replace(name, part)
        return text.replace("{account}", account)


SYSTEMS = [
    System(
        "credit_purchase",
        """
        insert into credit_purchase.user_profiles (id) values ({a});
        select set_config('role', 'service_role', true);
        select credit_purchase.apply_credit_purchase({a}, {much}, gen_random_uuid(), 'cs_' || {account});
        select credit_purchase.reserve_credits({a}, {much} / 2, {other})
        """,
        {
            "apply_credit_purchase": "select * from credit_purchase.apply_credit_purchase("
            "{a}, 1, gen_random_uuid(), gen_random_uuid()::text)",
            "reserve_credits": "select * from credit_purchase.reserve_credits("
            "{a}, 1, gen_random_uuid())",
            "settle_credits": "select * from credit_purchase.settle_credits("
            "{a}, 1, gen_random_uuid(), {other})",
            "refund_credits": "select * from credit_purchase.refund_credits("
            "{a}, 1, gen_random_uuid(), {other})",
        },
        "reserve_credits",
    ),
    System(
        "lead_marketplace",
        """
        insert into lead_marketplace.workspaces (id) values ({a});
        select lead_marketplace.add_workspace_credits({a}, {much}, 'bench')
        """,
        {
            "add_workspace_credits": "select * from lead_marketplace.add_workspace_credits("
            "{a}, 1, 'bench', gen_random_uuid())",
            "create_credit_purchase": "select * from lead_marketplace.create_credit_purchase("
            "{a}, 10, gen_random_uuid())",
            "complete_stripe_credit_purchase": "select bought.* from"
            " lead_marketplace.create_credit_purchase({a}, 10, gen_random_uuid()) as made (id)"
            " cross join lateral"
            " lead_marketplace.complete_stripe_credit_purchase(made.id, {a}, 10) as bought",
            "create_lead_purchase": "select * from lead_marketplace.create_lead_purchase("
            "array[lpad('9', 32, '0')::uuid], {a}, 'credits', gen_random_uuid())",
            "complete_credit_lead_purchase": "select bought.* from"
            " lead_marketplace.create_lead_purchase(array[{next}], {a}, 'credits') as made (id)"
            " cross join lateral"
            " lead_marketplace.complete_credit_lead_purchase(made.id, {a}, 1) as bought",
        },
        "complete_credit_lead_purchase",
        """
        insert into lead_marketplace.leads
            (id, marketplace_status, is_marketplace_listed, marketplace_price)
        select lpad(number::text, 32, '0')::uuid, 'available', true, 1
        from generate_series(9, 30000) as number
        """,
    ),
    System(
        "license_billing",
        """
        insert into license_billing.licenses (license_key, tenant_id) values ('key ' || {account}, {a});
        select license_billing.add_credits('key ' || {account}, {much}, null)
        """,
        {
            "deduct_credits": "select * from license_billing.deduct_credits("
            "'key ' || {account}, 1, gen_random_uuid())",
            "add_credits": "select * from license_billing.add_credits("
            "'key ' || {account}, 1, gen_random_uuid())",
            "record_unbilled_generation": "select * from license_billing.record_unbilled_generation("
            "'key ' || {account}, 1, gen_random_uuid(), 'a text')",
        },
        "deduct_credits",
    ),
    System(
        "peer_booking",
        """
        insert into peer_booking.users (id) values ({a}), ({other});
        insert into peer_booking.practitioners (user_id) values ({a}), ({other});
        select peer_booking.allocate_user_credits({a}, {much}, 'bench')
        """,
        {
            "update_credit_balance": "select * from peer_booking.update_credit_balance("
            "{a}, -1, 'spend', 'bench')",
            "credits_transfer": "select * from peer_booking.credits_transfer({a}, {other}, 1)",
            "allocate_user_credits": "select * from peer_booking.allocate_user_credits("
            "{a}, 1, 'bench', gen_random_uuid()::text)",
        },
        "credits_transfer",
    ),
    System(
        "stripe_idempotency",
        """
        insert into stripe_idempotency.users (id) values ({a});
        select stripe_idempotency.apply_wallet_transaction({a}, 'credit', {much}, 'bench', 'k' || {account})
        """,
        {
            "apply_wallet_transaction": "select * from stripe_idempotency.apply_wallet_transaction("
            "{a}, 'debit', 1, 'bench', gen_random_uuid()::text)",
            "apply_stripe_wallet_event": "select * from stripe_idempotency.apply_stripe_wallet_event("
            "'evt_' || gen_random_uuid(), 'checkout.session.completed', {a}, 1)",
            "begin_stripe_webhook_event": "select * from"
            " stripe_idempotency.begin_stripe_webhook_event("
            "'evt_' || gen_random_uuid(), 'checkout.session.completed', 60)",
            "claim_stripe_idempotency": "select * from stripe_idempotency.claim_stripe_idempotency("
            "'checkout' || chr(58) || 'create', gen_random_uuid()::text, 'print', 60)",
            "claim_idempotency_key": "select * from stripe_idempotency.claim_idempotency_key("
            "gen_random_uuid()::text, 'print', {a}, 60)",
            "create_event": "select * from stripe_idempotency.create_event("
            "{a}, 'bench', '2030-01-01', gen_random_uuid()::text)",
        },
        "apply_wallet_transaction",
    ),
]
