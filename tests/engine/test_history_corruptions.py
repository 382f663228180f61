"""Each kind of corruption, planted in an honest history, is found, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from history_ground import MILLISECOND, World, answer, honest

from crossfoot.history.ledger import Entry
from crossfoot.verdicts import Outcome, Verdict

LEFT = "calls_left_what_they_said"
ASKED = "entries_were_asked_for"
FOLLOW = "balances_follow_from_entries"
ORDER = "calls_fit_one_order"

Plant = Callable[[World], "tuple[str, int]"]
PLANTED: list[tuple[Plant, str, str]] = []
"""What plants it and returns the account and the call in question; the check; what it's called."""


def planted(rule: str, mistake: str) -> Callable[[Plant], Plant]:
    def enter(plant: Plant) -> Plant:
        PLANTED.append((plant, rule, mistake))
        return plant

    return enter


def account_of(world: World, index: int) -> str:
    return str(world.records[index].arguments["user_id"])


def with_entry(world: World, outcome: Outcome, *, there: bool, operation: str = "") -> int:
    """Return a call that ended so, alone with its key, that did or didn't leave an entry."""
    known = {e.key for account in world.ledger.accounts.values() for e in account.entries}
    keys = [record.key for record in world.records]
    fit = [
        i
        for i, r in enumerate(world.records)
        if r.outcome is outcome
        and operation in r.operation
        and keys.count(r.key) == 1
        and (r.key in known) is there
    ]
    return fit[len(fit) // 2]


def insert_after(world: World, account: str, entry: Entry, new: Entry) -> None:
    """Put an entry into the ledger right behind another, with a number of its own."""
    for each in world.entries(account):
        each.no *= 10
    position = world.entries(account).index(entry) + 1
    new.no = entry.no + 1
    world.entries(account).insert(position, new)
    world.ledger.accounts[account].opening = world.entries(account)[0].no
    world.settle(account)


def copy(entry: Entry, **values: object) -> Entry:
    return msgspec.structs.replace(entry, **values)


def swap(world: World, account: str, i: int, j: int) -> None:
    entries = world.entries(account)
    entries[i], entries[j] = entries[j], entries[i]
    world.settle(account)


def moved_before(world: World, *, distance: int) -> tuple[str, int]:
    """Move an entry so far back that it happened before its call began. Return its call."""
    for i, record in enumerate(world.records[len(world.records) // 2 :], len(world.records) // 2):
        if record.outcome is not Outcome.OK or record.operation != "apply_credit_purchase":
            continue
        account = account_of(world, i)
        entries = world.entries(account)
        place = next((p for p, e in enumerate(entries) if e.key == record.key), 0)
        if place > distance and sum(r.key == record.key for r in world.records) == 1:
            entry = entries.pop(place)
            entries.insert(place - distance, entry)
            world.settle(account)
            return account, i
    raise AssertionError("no call fits")


@planted(LEFT, "acknowledged but absent")
def lost_reply_counted_as_done(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.UNKNOWN, there=False)
    r = world.records[i]
    world.change(
        i, outcome=Outcome.OK, end=r.start + MILLISECOND, result={r.operation: answer("applied")}
    )
    return account_of(world, i), i


@planted(LEFT, "doubled entry")
def an_entry_doubled(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.OK, there=True, operation="purchase")
    entry = world.entry_of(i)
    insert_after(world, account_of(world, i), entry, copy(entry))
    return account_of(world, i), i


@planted(ORDER, "wrong order")
def two_entries_swapped(world: World) -> tuple[str, int]:
    return moved_before(world, distance=8)


@planted(LEFT, "refused but charged")
def refused_but_charged(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.OK, there=True, operation="reserve")
    world.change(
        i, outcome=Outcome.REFUSED, result={"reserve_credits": answer("insufficient_credits")}
    )
    return account_of(world, i), i


@planted(LEFT, "retryable but charged")
def to_be_sent_again_but_charged(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.OK, there=True)
    world.change(i, outcome=Outcome.RETRYABLE, sqlstate="40001", result={})
    return account_of(world, i), i


@planted(LEFT, "acknowledged but absent")
def acknowledged_but_absent(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.OK, there=True, operation="reserve")
    world.entries(account_of(world, i)).remove(world.entry_of(i))
    world.settle(account_of(world, i))
    return account_of(world, i), i


@planted(ASKED, "entry nobody asked for")
def an_entry_nobody_asked_for(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.OK, there=True, operation="purchase")
    entry = world.entry_of(i)
    insert_after(world, account_of(world, i), entry, copy(entry, key="nobody", amount=7))
    return account_of(world, i), -1


@planted(LEFT, "wrong amount")
def another_amount_than_asked_for(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.OK, there=True, operation="purchase")
    world.entry_of(i).amount += 5
    world.settle(account_of(world, i))
    return account_of(world, i), i


@planted(FOLLOW, "wrong balance after")
def a_balance_after_that_is_wrong(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.OK, there=True)
    entry = world.entry_of(i)
    assert entry.after is not None
    entry.after += 1
    return account_of(world, i), i


@planted(FOLLOW, "balance off")
def a_stored_balance_that_is_off(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.OK, there=True)
    account = world.ledger.accounts[account_of(world, i)]
    assert account.balance is not None
    account.balance -= 3
    return account_of(world, i), -1


@planted(FOLLOW, "broken chain")
def an_update_lost(world: World) -> tuple[str, int]:
    """Two movements started from one balance: the later one's entry doesn't know the other."""
    account = account_of(world, with_entry(world, Outcome.OK, there=True))
    entries = world.entries(account)
    lost = next(i for i, e in enumerate(entries) if i > 5 and e.amount > 0)
    for entry in entries[lost + 1 :]:
        assert entry.before is not None and entry.after is not None
        entry.before += 1000
        entry.after += 1000
    world.ledger.accounts[account].balance = entries[-1].after
    return account, -1


@planted(ORDER, "stale refusal")
def refused_though_there_was_enough(world: World) -> tuple[str, int]:
    """One credit is refused while there were two and more."""
    account, place = next(
        (account, place)
        for account in world.ledger.accounts
        for place in range(10, len(world.entries(account)) - 10)
        if min(int(e.after or 0) for e in world.entries(account)[place - 10 : place + 10]) >= 2
    )
    near = next(r for r in world.records if r.key == world.entries(account)[place].key)
    world.records.append(
        msgspec.structs.replace(
            near,
            id=10_000,
            session="other",
            operation="reserve_credits",
            outcome=Outcome.REFUSED,
            end=near.end or near.start + MILLISECOND,
            arguments={"user_id": account, "amount": 1, "idempotency_key": "other"},
            result={"reserve_credits": answer("insufficient_credits")},
        )
    )
    return account, len(world.records) - 1


@planted(LEFT, "key reused with two effects")
def one_key_with_two_effects(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.OK, there=True, operation="purchase")
    record, entry = world.records[i], world.entry_of(i)
    insert_after(world, account_of(world, i), entry, copy(entry, amount=entry.amount + 1))
    other = {**record.arguments, "amount": record.arguments["amount"] + 1}
    world.records.append(
        msgspec.structs.replace(record, id=10_000, session="other", arguments=other)
    )
    return account_of(world, i), i


@planted(LEFT, "key reused for another amount")
def one_key_for_two_amounts(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.OK, there=True, operation="purchase")
    record = world.records[i]
    other = {**record.arguments, "amount": record.arguments["amount"] + 1}
    world.records.append(
        msgspec.structs.replace(record, id=10_000, session="other", arguments=other)
    )
    return account_of(world, i), i


@planted(LEFT, "unknown applied twice")
def applied_twice_and_never_answered(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.UNKNOWN, there=True)
    entry = world.entry_of(i)
    entry.amount = world.records[i].arguments["amount"] * (1 if entry.amount > 0 else -1)
    world.entries(account_of(world, i))[0].amount += 1000
    insert_after(world, account_of(world, i), entry, copy(entry))
    return account_of(world, i), i


@planted(ORDER, "wrong order")
def an_effect_before_its_call_began(world: World) -> tuple[str, int]:
    i = with_entry(world, Outcome.OK, there=True, operation="purchase")
    record = world.records[i]
    later = 60 * MILLISECOND
    world.change(i, start=record.start + later, end=record.end + later)
    return account_of(world, i), i


@pytest.mark.parametrize(
    ("plant", "rule", "mistake"), PLANTED, ids=[plant.__name__ for plant, _, _ in PLANTED]
)
@pytest.mark.parametrize("seed", [3, 4])
def test_a_planted_corruption_is_found_and_named(
    plant: Plant, rule: str, mistake: str, seed: int, tmp_path: Path
) -> None:
    world = honest(seed)
    assert {check.verdict for check in world.check(tmp_path).values()} == {Verdict.PASS}

    account, i = plant(world)

    check = world.check(tmp_path)[rule]
    assert check.verdict is Verdict.FAIL
    finding = next(each for each in check.findings if each.anomaly == mistake)
    assert finding.subject == account
    if i >= 0:
        assert str(world.records[i].id) in {row.get("call") for row in finding.rows}


@pytest.mark.parametrize(
    ("plant", "rule", "mistake"), PLANTED, ids=[plant.__name__ for plant, _, _ in PLANTED]
)
def test_what_contradicts_is_few_calls(
    plant: Plant, rule: str, mistake: str, tmp_path: Path
) -> None:
    world = honest(5)
    plant(world)
    finding = next(each for each in world.check(tmp_path)[rule].findings if each.anomaly == mistake)
    assert 1 <= len(finding.rows) <= 4
    assert finding.explanation.endswith(".")
