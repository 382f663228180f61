"""A history against its ledger: what holds, what doesn't, and which calls contradict each other."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from crossfoot.history.chain import BALANCES_FOLLOW, check_chain
from crossfoot.history.clocks import NOTHING, views
from crossfoot.history.ledger import Account, Ledger
from crossfoot.history.matching import (
    ASKED_FOR,
    LEFT_WHAT_IT_SAID,
    Matched,
    Violation,
    match,
)
from crossfoot.history.moves import Called, Move
from crossfoot.history.order import FIT_ONE_ORDER, Order, overlapping
from crossfoot.history.reading import History
from crossfoot.history.spanning import call_of, check_together, spanning
from crossfoot.history.told import check_told
from crossfoot.history.wording import finding
from crossfoot.results import Check, Kind, Property
from crossfoot.verdicts import Outcome, Severity, Verdict

MOST_FINDINGS = 20

TITLES = {
    LEFT_WHAT_IT_SAID: (
        "What was acknowledged is in the ledger once; what was refused or failed left nothing; what"
        " has no answer happened once or not at all"
    ),
    ASKED_FOR: "Every entry of the ledger was asked for by a call",
    BALANCES_FOLLOW: "Each entry starts where the one before it ended, and the balance is the last",
    FIT_ONE_ORDER: (
        "The calls of each account fit the order of its ledger, and every refusal was right at some"
        " moment of its call"
    ),
}
_ABOUT = {
    FIT_ONE_ORDER: (
        "The ledger says in which order the effects happened. Each has to lie within its call: not"
        " before it began, not after its answer. A refusal leaves no entry; there has to be a moment"
        " within its call at which the account didn't hold enough."
    ),
}
_PROPERTIES = {
    LEFT_WHAT_IT_SAID: [Property.LEDGER, Property.REPLAY],
    ASKED_FOR: [Property.LEDGER],
    BALANCES_FOLLOW: [Property.LEDGER],
    FIT_ONE_ORDER: [Property.SERIAL],
}


@dataclass
class Tally:
    """What was looked at and found, all accounts together."""

    violations: dict[str, list[Violation]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    entries: int = 0
    before: int = 0
    bound: int = 0
    placed: int = 0
    overlapping: int = 0
    timed: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def note(self, violations: Iterable[Violation]) -> None:
        """Count violations and keep the first few of each rule."""
        for violation in violations:
            self.counts[violation.rule] += 1
            kept = self.violations[violation.rule]
            if len(kept) < MOST_FINDINGS or (violation.certain and not kept[-1].certain):
                kept.append(violation)


def check_history(history: History, called: Called, ledger: Ledger | None) -> list[Check]:
    """Return the checks of a history that was read to its end.

    Without a ledger all are unknown but the order, if the answers tell balances.
    """
    started = time.perf_counter()
    if not called.calls:
        why = "there are no calls in it: nothing was checked"
        return [_check(rule, Verdict.UNKNOWN, why) for rule in TITLES]
    if ledger is None:
        others = (rule for rule in TITLES if rule != FIT_ONE_ORDER)
        unknown = [_check(rule, Verdict.UNKNOWN, _no_ledger(called)) for rule in others]
        return [*unknown, _without_ledger(called)]
    tally = Tally()
    together: list[Matched] = []
    for name, moves, account in _accounts(called, ledger):
        found = match(name, moves, account, marked=ledger.opening)
        _look(found, moves, tally)
        if _spans(found, called):
            together.append(found)
    _look_together(together, tally)
    return [_judged(rule, tally, history, called, time.perf_counter() - started) for rule in TITLES]


_NO_LEDGER = (
    "there is no ledger to compare it with. Give --ledger (a run keeps ledger.ndjson beside its"
    " history), or --dsn of the database."
)
_NO_ENTRIES = (
    "target.toml binds no relation 'entry', so there is no ledger to compare it with. Bind the table of"
    " movements under [relations], if there is one."
)


def _no_ledger(called: Called) -> str:
    return _NO_LEDGER if called.has_ledger else _NO_ENTRIES


def _without_ledger(called: Called) -> Check:
    """Return what the balances that answers tell say about the order."""
    told = check_told(called)
    check = _check(FIT_ONE_ORDER, Verdict.PASS, "")
    check.findings = [finding(each, called.origins) for each in told.violations[:MOST_FINDINGS]]
    check.population = {
        "calls": str(called.calls),
        "accounts, by the balances told": str(told.accounts),
        "calls that overlapped others": str(told.overlapping),
    }
    if told.violations:
        check.verdict = Verdict.FAIL
    elif not told.accounts:
        check.verdict = Verdict.UNKNOWN
        check.reason = f"{_no_ledger(called)} Or name under 'entries' what tells the balance."
    elif told.undecided:
        check.verdict = Verdict.UNKNOWN
        check.reason = f"account {told.undecided}: no order was found, and not all were tried"
    elif not told.overlapping:
        check.verdict, check.reason = Verdict.UNKNOWN, _NEVER_TESTED
    return check


def _accounts(called: Called, ledger: Ledger) -> Iterator[tuple[str, list[Move], Account]]:
    """Yield every account with its calls. Calls that don't name one are looked up by their key."""
    by_account = called.by_account
    if nowhere := by_account.pop("", []):
        _find_accounts(nowhere, by_account, ledger)
    for name in sorted({*by_account, *ledger.accounts}):
        account = ledger.accounts.get(name, Account())
        yield name, by_account.get(name, []), account


def _find_accounts(
    moves: Sequence[Move], by_account: dict[str, list[Move]], ledger: Ledger
) -> None:
    keys: dict[str, str] = {}
    references: dict[tuple[str, str], str] = {}
    for name, account in ledger.accounts.items():
        for entry in account.entries:
            keys[entry.key] = name
            references[entry.reference, entry.kind] = name
    for move in moves:
        asked = (move.reference, move.kind)
        whose = keys.get(move.key) if move.key else references.get(asked)
        by_account.setdefault(whose or "?", []).append(move)


def _look(found: Matched, moves: Sequence[Move], tally: Tally) -> None:
    """Check one account by itself."""
    tally.note(found.violations)
    tally.note(check_chain(found))
    tally.entries += len(found.entries)
    tally.before += found.opening
    tally.bound += sum(request is not None for request in found.asked)
    tally.placed += len(found.readers)
    if not moves:
        return
    most = 0
    for _, view in views(moves):
        order = Order(found, view)
        tally.note(order.violations())
        seen = [view(move) for move in moves if move.outcome is not Outcome.UNKNOWN]
        most = max(most, overlapping([w for w in seen if w != NOTHING]))
    tally.overlapping += most
    tally.timed += len(moves)


def _spans(found: Matched, called: Called) -> bool:
    """Say whether any operation called here moves credit of more than one account."""
    return len(called.by_account) > 1 and any(
        move.operation in called.several for move in called.by_account.get(found.name, [])[:1000]
    )


def _look_together(accounts: Sequence[Matched], tally: Tally) -> None:
    several = spanning(accounts)
    if not several or tally.counts[FIT_ONE_ORDER]:
        return
    joined = [a for a in accounts if any(r and call_of(r) in several for r in a.asked)]
    moves = [request.moves[0] for account in joined for request in account.asked if request]
    for _, view in views(moves):
        tally.note(check_together(joined, view))


def _judged(rule: str, tally: Tally, history: History, called: Called, seconds: float) -> Check:
    violations = tally.violations[rule]
    certain = [violation for violation in violations if violation.certain]
    doubt = _doubt(rule, tally, history, called)
    verdict, reason = Verdict.PASS, ""
    if certain and not (rule == ASKED_FOR and doubt):
        verdict = Verdict.FAIL
    elif violations:
        verdict, reason = Verdict.UNKNOWN, doubt or _GUESSED
    elif doubt and rule != ASKED_FOR:
        verdict, reason = Verdict.UNKNOWN, doubt
    check = _check(rule, verdict, reason)
    shown = (certain or violations)[:MOST_FINDINGS]
    check.findings = [finding(violation, called.origins) for violation in shown]
    check.population = _population(rule, tally, called)
    check.seconds = seconds
    return check


_NEVER_TESTED = "no two calls of one account overlapped: their order was never put to the test"
_GUESSED = (
    "calls without a key ask for equal amounts. The order that was tried doesn't fit; another might."
    " Send keys, or bind 'balance' in target.toml if the answers tell it."
)


def _doubt(rule: str, tally: Tally, history: History, called: Called) -> str:
    """Return why a check that found nothing wrong proves nothing, or why what it found is no proof."""
    if rule == ASKED_FOR:
        if not history.whole:
            return "; ".join(history.notes) + ": entries of missing calls can't be told from others"
        if called.unbound:
            names = ", ".join(sorted(called.unbound))
            return f"target.toml doesn't say what {names} leaves in the ledger ('entries')"
    if rule == LEFT_WHAT_IT_SAID and not tally.timed:
        return "no call in it moves credit that target.toml tells of ('entries' of an operation)"
    if rule == FIT_ONE_ORDER and not tally.overlapping:
        return _NEVER_TESTED
    if rule in {ASKED_FOR, BALANCES_FOLLOW} and not tally.entries:
        return "the ledger is empty: there was nothing to look at"
    return ""


def _population(rule: str, tally: Tally, called: Called) -> dict[str, str]:
    said = {"calls": str(called.calls)}
    if rule == LEFT_WHAT_IT_SAID:
        said |= {outcome.value: str(count) for outcome, count in called.outcomes.items()}
    if rule == ASKED_FOR:
        said |= {"asked for": str(tally.bound), "there before": str(tally.before)}
    if rule in {ASKED_FOR, BALANCES_FOLLOW}:
        said |= {"entries": str(tally.entries)}
    if rule == FIT_ONE_ORDER:
        said |= {
            "calls that overlapped others": str(tally.overlapping),
            "refusals and reads placed": str(tally.placed),
        }
    if tally.counts[rule]:
        said["violations"] = str(tally.counts[rule])
    return said


def _check(rule: str, verdict: Verdict, reason: str) -> Check:
    return Check(
        kind=Kind.HISTORY,
        name=rule,
        title=TITLES[rule],
        verdict=verdict,
        severity=Severity.CRITICAL,
        properties=_PROPERTIES[rule],
        about=_ABOUT.get(rule, ""),
        reason=reason,
    )
