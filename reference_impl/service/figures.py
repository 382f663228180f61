"""The figures that monitors read: what each counts, in the words of target.toml's relations.

A system has every figure whose relations it binds. Each query yields ``value``, and ``subjects``: a
few of those that it is about. ``:window`` is the monitor's window in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

SUBJECTS = 5


@dataclass(frozen=True)
class Figure:
    """A query over relations; or over the tables of the one ``system`` that has it."""

    sql: str
    needs: tuple[str, ...] = ()
    system: str | None = None
    alert: str = "> 0"


def _count(subject: str, source: str) -> str:
    subjects = f"(array_agg(({subject})::text order by {subject}))[1:{SUBJECTS}]"
    return f"select count(*) as value, {subjects} as subjects from {source}"


# How far an account's movements of the last window are from its own past: their sum, divided by the mean
# of the windows before in which it moved something. An account has a past once there are three such.
_OUTLIER = f"""
with moved as (
    select
        account_id,
        greatest(floor(extract(epoch from statement_timestamp() - created_at) / :window), 0) as age,
        sum(abs(amount)) as amount
    from entry
    where sign(amount) = {{sign}}
    group by 1, 2
),
compared as (
    select
        account_id,
        coalesce(sum(amount) filter (where age = 0), 0) / avg(amount) filter (where age > 0) as factor
    from moved
    group by account_id
    having count(*) filter (where age > 0) >= 3
)
select
    coalesce(round(max(factor), 2), 0) as value,
    (array_agg(account_id order by factor desc))[1:{SUBJECTS}] as subjects
from compared
"""

FIGURES = {
    "negative_balances": Figure(_count("account_id", "account where balance < 0"), ("account",)),
    "drift_accounts": Figure(
        _count(
            "account_id",
            "account full join (select account_id, sum(amount) as total from entry group by 1)"
            " as summed using (account_id)"
            " where balance is distinct from coalesce(total, 0)",
        ),
        ("account", "entry"),
    ),
    "spend_outlier_factor": Figure(_OUTLIER.format(sign=-1), ("entry",), alert="> 10"),
    "grant_outlier_factor": Figure(_OUTLIER.format(sign=1), ("entry",), alert="> 10"),
    "leads_sold_more_than_once": Figure(_count("item_id", "item where sold_count > 1"), ("item",)),
    "reservations_exceeded": Figure(
        _count("hold_id", "hold where settled + returned > amount"), ("hold",)
    ),
    "credits_held_over_a_day": Figure(
        "select coalesce(sum(hold.amount - settled - returned), 0) as value,"
        f" (array_agg(hold_id order by hold_id))[1:{SUBJECTS}] as subjects"
        " from hold join entry on request_key = hold_id"
        " where hold.amount > settled + returned and created_at < now() - interval '1 day'",
        ("hold", "entry"),
    ),
    "unbilled_generations_open": Figure(
        _count("usage_id", "usage where status = 'unbilled'"), ("usage",), alert="> 100"
    ),
    "stripe_keys_used_twice": Figure(
        _count(
            "stripe_key",
            "(select stripe_key from claim group by 1 having count(*) > 1) as twice",
        ),
        ("claim",),
    ),
    "claims_needing_attention": Figure(
        _count("claim_id", "claim where status = 'needs_attention'"), ("claim",), alert="> 20"
    ),
    "events_not_processed": Figure(
        _count("event_id", "webhook_event where status = 'received'"),
        ("webhook_event",),
        alert="> 20",
    ),
    "oldest_unbilled_seconds": Figure(
        "select coalesce(round(extract(epoch from now() - min(recorded_at))), 0) as value,"
        " null::text[] as subjects"
        " from license_billing.unbilled_generations where settled_at is null",
        system="license_billing",
        alert="> 3600",
    ),
    "claims_past_their_lease": Figure(
        _count(
            "operation_id",
            "stripe_idempotency.stripe_idempotency_keys"
            " where status = 'in_progress' and lease_expires_at < now()",
        ),
        system="stripe_idempotency",
        alert="> 20",
    ),
    "payments_credited_twice": Figure(
        _count(
            "reference",
            "(select reference from entry where kind = 'payment' group by 1 having count(*) > 1)"
            " as twice",
        ),
        ("entry",),
        system="stripe_idempotency",
    ),
}

# What the service measures itself; see measures.py.
MEASURED = {
    "lead_marketplace": (
        "conflict_rate_percent",
        "credit_completion_seconds",
        "card_completion_seconds",
        "webhook_replay_percent",
    ),
    "credit_purchase": ("purchase_replay_percent",),
}
