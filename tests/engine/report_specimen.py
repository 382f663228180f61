"""Runs to test the reports with: one that passed, one that failed in every way."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal

from crossfoot.results import (
    Check,
    Environment,
    Exploration,
    Finding,
    Kill,
    KillMatrix,
    Kind,
    Lanes,
    LaneStep,
    Operation,
    Property,
    Remedy,
    Run,
    TargetResult,
    Waiver,
)
from crossfoot.verdicts import Severity, Verdict

Step = Literal["call", "step", "wait", "wake", "return", "commit", "rollback", "error"]

_COMPLETE = "lead_marketplace.complete_credit_lead_purchase"
_VALIDATE = "lead_marketplace.validate_and_lock_leads_for_purchase"

_LOCK_LEADS = (
    "select count(*) into v_available from leads where id = any (p_lead_ids) for update nowait"
)
_LOCK_BALANCE = (
    "select balance into v_balance from workspace_credits where workspace_id = p_workspace_id "
    "for no key update"
)
_SELL = "update leads set sold_count = sold_count + 1, marketplace_status = 'sold'"
_ENTRY = "insert into credit_entries (workspace_id, amount, balance_before, balance_after)"

OPERATIONS = [
    Operation(
        name="validate",
        function=f"{_VALIDATE}(uuid[], uuid)",
        call=f"select * from {_VALIDATE}(:leads, :buyer)",
    ),
    Operation(
        name="create",
        function="lead_marketplace.create_lead_purchase(uuid[], uuid, text, uuid)",
        call="select lead_marketplace.create_lead_purchase(:leads, :buyer, :method, :key)",
    ),
    Operation(
        name="complete",
        function=f"{_COMPLETE}(uuid, uuid, numeric)",
        call=f"select * from {_COMPLETE}(:purchase, :buyer, :credits)",
    ),
    Operation(
        name="complete_card",
        function="lead_marketplace.complete_stripe_lead_purchase(uuid, text)",
        call="select * from lead_marketplace.complete_stripe_lead_purchase(:purchase, :url)",
    ),
    Operation(
        name="refund",
        function="lead_marketplace.refund_lead_purchase(uuid, uuid)",
        call="select * from lead_marketplace.refund_lead_purchase(:purchase, :key)",
    ),
    Operation(
        name="top_up",
        function="lead_marketplace.complete_stripe_credit_purchase(text)",
        call="select * from lead_marketplace.complete_stripe_credit_purchase(:session)",
    ),
]


def step(
    number: int, session: str, kind: Step, text: str = "", at: str = "", note: str = ""
) -> LaneStep:
    """Return one row of an interleaving."""
    return LaneStep(number=number, session=session, kind=kind, text=text, source=at, note=note)


def double_sale() -> Lanes:
    """Return two buyers who validate one lead each, then both complete."""
    a, b = "buyer_a", "buyer_b"
    steps = [
        step(1, a, "call", "validate(array[:lead], :buyer_a)"),
        step(
            2,
            a,
            "step",
            _LOCK_LEADS,
            f"{_VALIDATE}:21",
            "reads v_available = 1",
        ),
        step(3, a, "return", "1 row"),
        step(4, a, "commit", "", "", "the lock on the lead is gone"),
        step(5, b, "call", "validate(array[:lead], :buyer_b)"),
        step(
            6,
            b,
            "step",
            _LOCK_LEADS,
            f"{_VALIDATE}:21",
            "reads v_available = 1",
        ),
        step(7, b, "return", "1 row"),
        step(8, b, "commit"),
        step(9, a, "call", "complete(:purchase_a, :buyer_a, 40)"),
        step(
            10,
            a,
            "step",
            _LOCK_BALANCE,
            f"{_COMPLETE}:14",
            "reads v_balance = 100",
        ),
        step(
            11,
            a,
            "step",
            _SELL,
            f"{_COMPLETE}:31",
            "1 row",
        ),
        step(12, b, "call", "complete(:purchase_b, :buyer_b, 40)"),
        step(
            13,
            b,
            "step",
            _LOCK_BALANCE,
            f"{_COMPLETE}:14",
            "reads v_balance = 100",
        ),
        step(
            14,
            b,
            "wait",
            _SELL,
            f"{_COMPLETE}:31",
            "waits for buyer_a",
        ),
        step(
            15,
            a,
            "step",
            _ENTRY,
            f"{_COMPLETE}:38",
            "1 row",
        ),
        step(16, a, "return", "success = true, new_credit_balance = 60"),
        step(17, a, "commit"),
        step(18, b, "wake", "", "", "updates the lead that buyer_a has just sold"),
        step(
            19,
            b,
            "step",
            _ENTRY,
            f"{_COMPLETE}:38",
            "1 row",
        ),
        step(20, b, "return", "success = true, new_credit_balance = 60"),
        step(21, b, "commit"),
    ]
    return Lanes(
        sessions=[a, b],
        steps=steps,
        outcomes={
            a: "ok: success = true, new_credit_balance = 60",
            b: "ok: success = true, new_credit_balance = 60",
        },
        state=[
            {"lead": "lead", "marketplace_status": "sold", "sold_count": "2", "refunded_at": None},
        ],
    )


def two_spends() -> Lanes:
    """Return two spends of one card of which one is lost: the example in reports/README.md."""
    a, b = "buyer_a", "buyer_b"
    steps = [
        step(1, a, "call", "redeem(:card, 30)"),
        step(2, a, "step", "select balance from card", "", "reads 100"),
        step(3, b, "call", "redeem(:card, 30)"),
        step(4, b, "step", "select balance from card", "", "reads 100"),
        step(5, a, "step", "update card set balance", "", "writes 70"),
        step(6, b, "wait", "update card set balance", "", "waits for buyer_a"),
        step(7, a, "commit"),
        step(8, b, "wake", "", "", "goes on, writes 70"),
        step(9, b, "commit"),
    ]
    outcomes = {a: "ok: balance 70", b: "ok: balance 70"}
    return Lanes(sessions=[a, b], steps=steps, outcomes=outcomes)


def three_in_a_circle() -> Lanes:
    """Return a deadlock of three sessions, too many columns for a narrow page."""
    names = ["first", "second", "third"]
    takes = [step(i, n, "call", f"lock(:{n})", "", "holds it") for i, n in enumerate(names, 1)]
    wants = [
        step(4, "first", "wait", "lock(:second)", "", "waits for second"),
        step(5, "second", "wait", "lock(:third)", "", "waits for third"),
        step(6, "third", "wait", "lock(:first)", "", "waits for first"),
        step(7, "third", "error", "40P01 deadlock detected"),
        step(8, "second", "wake"),
        step(9, "second", "commit"),
        step(10, "first", "wake"),
        step(11, "first", "commit"),
    ]
    outcomes = {"first": "ok", "second": "ok", "third": "retryable: 40P01 deadlock detected"}
    return Lanes(sessions=names, steps=takes + wants, outcomes=outcomes)


_SALE = Finding(
    subject="lead",
    summary="One lead was sold twice: buyer_a and buyer_b both completed, sold_count is 2",
    explanation=(
        "buyer_a and buyer_b each validated the lead while it was available (steps 2 and 6). The "
        "lock that validation took ended with its transaction at steps 4 and 8, so it protects "
        "nothing when the purchases are completed.\n\n"
        "buyer_b waited for buyer_a's row at step 14, got it at step 18, and updated the lead "
        "without reading its status again. Both calls answered success, and both buyers "
        "paid 40 credits. A lead can be sold once, so one of the two had to be refused. "
        "However, neither was: a contradiction."
    ),
    anomaly="lock split across calls",
    lanes=double_sale(),
    serial=[
        "buyer_a, then buyer_b: buyer_a ok, buyer_b refused; sold_count = 1",
        "buyer_b, then buyer_a: buyer_b ok, buyer_a refused; sold_count = 1",
    ],
    replay="crossfoot replay cf1-8qk2-two_buyers_one_lead-0110011",
    confirmed=(10, 10),
    prevention=["serializable: 3 of 60 schedules still fail"],
    remedies=[
        Remedy(
            what="for no key update on lead_marketplace.leads",
            where="complete_credit_lead_purchase.sql:31",
            sql="select sold_count into v_sold from leads where id = p_lead for no key update;",
            holds=True,
            says="no failure in 34 of 34 schedules; 12 of them wait for a lock",
        ),
        Remedy(
            what="unique index on lead_marketplace.sales (lead)",
            holds=False,
            says="doesn't prevent it: schedule 4 still fails",
        ),
    ],
    script="-- Open 2 terminals (A, B)\n-- [A] buyer_a\nselect validate(:lead);\n",
    regression_race=(
        "-- title:    Two buyers, one lead: the lock of the validation has ended\n"
        "-- property: serial, state\n"
        "-- expect:   at most 1 ok in complete\n"
        "-- @values lead uuid, buyer_a uuid, buyer_b uuid\n"
        "-- @session buyer_a\n"
        "-- @call validate\n"
        f"select * from {_VALIDATE}(array[:lead], :buyer_a);\n"
    ),
)

_BALANCE = Finding(
    subject="0b7e2a4c-5d1f-4c3a-9f55-1f7a2f3c9d01",
    summary="Workspace 0b7e2a4c: balance 70, entries sum to 40",
    explanation=(
        "The balance is a cache of the entries. Both spends of 30 left an entry, so 40 credits "
        "should remain. The balance says 70: one spend overwrote the other."
    ),
    anomaly="lost update",
    rows=[
        {"subject": "0b7e2a4c-5d1f-4c3a-9f55-1f7a2f3c9d01", "actual": "70", "expected": "40"},
        {"subject": "3c9d01aa-1111-4c3a-9f55-5d1f2f3c9d01", "actual": "20", "expected": None},
    ],
    total_rows=7,
    replay="crossfoot audit balance_equals_entries --target lead_marketplace",
)

_ANYONE = Finding(
    subject="lead_marketplace.add_workspace_credits(uuid, numeric)",
    summary="add_workspace_credits can be executed by everyone: PUBLIC has EXECUTE",
    explanation="A security definer function runs as its owner: whoever calls it mints credit.",
    anomaly="executable by anyone",
    rows=[
        {"subject": "lead_marketplace.add_workspace_credits(uuid, numeric)", "grantee": "PUBLIC"}
    ],
    total_rows=1,
)

_OLD_GRANT = Finding(
    subject="lead_marketplace.report_sales()",
    summary="report_sales has no pinned search_path",
    anomaly="search path open",
    waiver=Waiver(
        reason="Read only, called by the reporting role alone; goes with the new dashboard",
        until=date(2027, 1, 1),
    ),
)


def _races(*, failed: bool) -> list[Check]:
    sale = Check(
        kind=Kind.RACE,
        name="two_buyers_one_lead",
        title="Two buyers who complete at once for one lead: one of them gets it",
        verdict=Verdict.FAIL if failed else Verdict.PASS,
        severity=Severity.CRITICAL,
        properties=[Property.SERIAL, Property.STATE],
        detects=["lock split across calls", "state not rechecked"],
        operations=["validate", "complete"],
        file="scenarios/races/lead_marketplace/two_buyers_one_lead.race.sql",
        about=(
            "Each call is a transaction of its own, so what validation locked is free again before "
            "the purchase is completed. Completion has to lock and look again."
        ),
        findings=[_SALE] if failed else [],
        exploration=Exploration(
            schedules=924,
            complete=True,
            serial_orders=6,
            failing=318 if failed else 0,
            with_waits=402,
            steps=21,
        ),
        seconds=3.2,
    )
    twice = Check(
        kind=Kind.RACE,
        name="completion_twice",
        title="One purchase completed twice at once is charged once",
        verdict=Verdict.PASS,
        severity=Severity.CRITICAL,
        properties=[Property.SERIAL, Property.REPLAY],
        detects=["not idempotent", "check before lock"],
        operations=["complete"],
        file="scenarios/races/lead_marketplace/completion_twice.race.sql",
        exploration=Exploration(
            schedules=252, complete=True, serial_orders=2, with_waits=120, steps=14
        ),
        seconds=1.1,
    )
    refund = Check(
        kind=Kind.RACE,
        name="refund_while_completing",
        title="A refund that overlaps a completion comes before it or after it, never both",
        verdict=Verdict.PASS,
        properties=[Property.SERIAL, Property.STATE],
        detects=["status acted on twice"],
        operations=["complete", "refund"],
        file="scenarios/races/lead_marketplace/refund_while_completing.race.sql",
        exploration=Exploration(
            schedules=12_480,
            preemption_bound=3,
            left=8112,
            serial_orders=6,
            with_waits=5311,
            retryable=14,
            steps=33,
        ),
        seconds=22.8,
    )
    return [sale, twice, refund]


def _contracts() -> list[Check]:
    return [
        Check(
            kind=Kind.CONTRACT,
            name="completion_refuses_nonsense",
            title="Completion refuses wrong amounts, strange purchases and other people's money",
            verdict=Verdict.PASS,
            properties=[Property.INPUT],
            detects=["negative amount", "null passes check"],
            operations=["complete", "complete_card"],
            file="scenarios/contracts/lead_marketplace/completion_refuses_nonsense.contract.sql",
            seconds=0.08,
        ),
        Check(
            kind=Kind.CONTRACT,
            name="top_up_twice",
            title="A top-up whose webhook arrives twice is credited once",
            verdict=Verdict.PASS,
            properties=[Property.REPLAY, Property.LEDGER],
            detects=["not idempotent"],
            operations=["top_up"],
            file="scenarios/contracts/lead_marketplace/top_up_twice.contract.sql",
            seconds=0.05,
        ),
        Check(
            kind=Kind.CONTRACT,
            name="refund_once",
            title="A purchase is refunded once, and stays refunded",
            verdict=Verdict.PASS,
            properties=[Property.STATE, Property.REPLAY, Property.LEDGER],
            detects=["refund unbound"],
            operations=["refund", "complete"],
            file="scenarios/contracts/lead_marketplace/refund_once.contract.sql",
            seconds=0.07,
        ),
    ]


def _audits(*, failed: bool) -> list[Check]:
    return [
        Check(
            kind=Kind.AUDIT,
            name="balance_equals_entries",
            title="Stored balance equals the sum of its entries",
            verdict=Verdict.FAIL if failed else Verdict.PASS,
            severity=Severity.CRITICAL,
            properties=[Property.LEDGER],
            detects=["lost update", "partial write"],
            file="audits/balance_equals_entries.sql",
            about=(
                "The stored balance is a cache of the entries. When two writers overlap and one "
                "overwrites the other's balance, both entries survive, and the two disagree."
            ),
            findings=[_BALANCE] if failed else [],
            population={"accounts": "212", "entries": "1840", "sum of entries": "48210"},
            seconds=0.02,
        ),
        Check(
            kind=Kind.AUDIT,
            name="no_item_sold_twice",
            title="No item is sold more than once",
            verdict=Verdict.PASS,
            properties=[Property.STATE],
            file="audits/no_item_sold_twice.sql",
            population={"items": "640", "sold": "311"},
            seconds=0.01,
        ),
        Check(
            kind=Kind.AUDIT,
            name="payments_are_credited",
            title="Every completed payment has its entry",
            verdict=Verdict.UNKNOWN if failed else Verdict.PASS,
            properties=[Property.LEDGER],
            file="audits/payments_are_credited.sql",
            reason=(
                "permission denied for table credit_payments; grant SELECT on it to the role that "
                "audits"
                if failed
                else ""
            ),
            population={} if failed else {"payments": "58"},
        ),
        Check(
            kind=Kind.AUDIT,
            name="webhook_events_once",
            title="Every webhook event is processed once",
            verdict=Verdict.NOT_APPLICABLE,
            properties=[Property.REPLAY],
            file="audits/webhook_events_once.sql",
            reason="webhook_event is declared absent: payments are matched by their session",
        ),
    ]


def _lints(*, failed: bool) -> list[Check]:
    return [
        Check(
            kind=Kind.LINT,
            name="execute_is_granted_narrowly",
            title="Functions that move credit are executable by named roles only",
            verdict=Verdict.FAIL if failed else Verdict.PASS,
            properties=[Property.ACCESS],
            detects=["executable by anyone"],
            file="audits/lints/execute_is_granted_narrowly.sql",
            findings=[_ANYONE] if failed else [],
        ),
        Check(
            kind=Kind.LINT,
            name="search_path_is_pinned",
            title="Security definer functions pin their search_path",
            verdict=Verdict.PASS,
            severity=Severity.MEDIUM,
            properties=[Property.ACCESS],
            detects=["search path open"],
            file="audits/lints/search_path_is_pinned.sql",
            findings=[_OLD_GRANT],
        ),
    ]


def _kills(*, failed: bool) -> KillMatrix:
    sale, audit = "race two_buyers_one_lead", "audit balance_equals_entries"
    nonsense, execute = "contract completion_refuses_nonsense", "lint execute_is_granted_narrowly"
    twice = "race completion_twice"
    return KillMatrix(
        checks=[sale, twice, nonsense, audit, "audit no_item_sold_twice", execute],
        kills=[
            Kill(
                variant="lock_split_across_calls",
                title="Completion trusts the lock that validation took",
                mistake="lock_split_across_calls",
                hurts="The second buyer, who pays for a lead that is already sold",
                expected=[sale],
                caught_by=[sale],
                not_run=[execute],
                verdict=Verdict.PASS,
                seconds=1.4,
            ),
            Kill(
                variant="lock_split_across_calls",
                title="Completion trusts the lock that validation took",
                mistake="lock_split_across_calls",
                hurts="The second buyer, who pays for a lead that is already sold",
                form="without its constraint",
                expected=[sale, "audit no_item_sold_twice"],
                caught_by=[sale, "audit no_item_sold_twice"],
                not_run=[execute],
                verdict=Verdict.PASS,
                seconds=1.6,
            ),
            Kill(
                variant="completion_charges_again",
                title="A completion that is sent again charges again",
                mistake="not_idempotent",
                hurts="The buyer, charged twice for one purchase",
                expected=[twice],
                caught_by=[twice, audit],
                verdict=Verdict.PASS,
                seconds=1.9,
            ),
            Kill(
                variant="negative_amount_mints",
                title="A negative amount is not refused",
                mistake="negative_amount",
                hurts="The marketplace, which gives credit away",
                expected=[nonsense, audit],
                caught_by=[audit] if failed else [nonsense, audit],
                verdict=Verdict.FAIL if failed else Verdict.PASS,
                seconds=0.4,
            ),
            Kill(
                variant="execute_for_everyone",
                title="EXECUTE was never revoked from PUBLIC",
                mistake="executable_by_anyone",
                hurts="The marketplace: anyone signed in can mint credit",
                expected=[execute],
                caught_by=[] if failed else [execute],
                verdict=Verdict.UNKNOWN if failed else Verdict.PASS,
                reason="the role anon does not exist" if failed else "",
            ),
        ],
    )


def _target(*, failed: bool) -> TargetResult:
    return TargetResult(
        name="lead_marketplace",
        about="Marketplace for leads: validate, buy with credits or by card, refund, top up",
        verdict=Verdict.FAIL if failed else Verdict.PASS,
        operations=OPERATIONS,
        checks=[
            *_races(failed=failed),
            *_contracts(),
            *_audits(failed=failed),
            *_lints(failed=failed),
        ],
        absent={"webhook_event": "payments are matched by their session, events aren't stored"},
        not_covered=["expire_pending_purchases: no operation bound"],
        kill_matrix=_kills(failed=failed),
        seconds=38.4,
    )


def _run(*, failed: bool) -> Run:
    return Run(
        run_id="20251121-121005-8qk2",
        command="crossfoot check lead_marketplace --seed 7",
        started_at=datetime(2025, 11, 21, 12, 10, 5, tzinfo=UTC),
        seconds=41.7,
        verdict=Verdict.FAIL if failed else Verdict.PASS,
        exit_code=1 if failed else 0,
        seed=7,
        bounds={
            "schedules per race": "20000",
            "preemptions": "3 where a race doesn't fit the budget",
            "statement timeout": "10 s",
        },
        limits=[
            "The rows that one statement touches are not stepped through one by one.",
            "Isolation level read committed, unless a race says otherwise.",
            "What the application does outside the database was not run.",
        ],
        environment=Environment(
            crossfoot="0.1.0",
            postgresql="18.6",
            server="embedded, started for this run",
            python="3.11.2",
            platform="Linux x86_64",
            settings={
                "fsync": "off",
                "synchronous_commit": "on",
                "deadlock_timeout": "50ms",
                "default_transaction_isolation": "read committed",
            },
        ),
        targets=[_target(failed=failed)],
    )


def passing_run() -> Run:
    """Return a run in which every check held (one with a waived finding)."""
    return _run(failed=False).model_copy(deep=True)


def failing_run() -> Run:
    """Return a run with findings of each kind, an undecided audit, gaps and a weak spot."""
    return _run(failed=True).model_copy(deep=True)


def empty_run() -> Run:
    """Return a run that checked nothing."""
    run = passing_run()
    return run.model_copy(update={"targets": [], "verdict": Verdict.UNKNOWN, "exit_code": 3})


HOSTILE = "<script>document.title='owned'</script>\"'`|&]]> \x00\x1b[31m\u202edrow\n--> {{ 7*7 }}"


def hostile_run() -> Run:
    """Return a run in which every free text tries to break out of its place."""
    run = failing_run()
    data = run.model_dump(mode="json")
    keep = {"schema_version", "started_at", "until", "verdict", "kind", "severity", "properties"}
    keep |= {"fate"}
    return Run.model_validate(
        {key: value if key in keep else _spoil(value, keep) for key, value in data.items()}
    )


def _spoil(value: object, keep: set[str]) -> object:
    match value:
        case str():
            return f"{value} {HOSTILE}"
        case list():
            return [_spoil(item, keep) for item in value]
        case dict():
            return {key: item if key in keep else _spoil(item, keep) for key, item in value.items()}
    return value
