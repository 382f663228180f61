"""Credit purchase as a pure state machine: what each function of ``functions/`` must do.

A function here has the name and the arguments of the one in SQL, and is given what only the server
knows (``caller``, the role that calls). It returns the next state and the row that the caller gets:
one column with the function's name, in it ``{"applied": bool, "reason": str}``. Whatever isn't
applied leaves the state as it was. Nothing is read, written or drawn. Calls come one after another
here: there is nothing to wait for and no 40001.

Ids and keys are UUIDs, amounts are whole credits. Times, on which no outcome depends, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from rpds import HashTrieMap, List

if TYPE_CHECKING:
    from crossfoot.history.asking import Call
    from crossfoot.history.ledger import Entry as LedgerEntry

BACKEND = "service_role"
LARGEST = 2**31 - 1

Kind = Literal["purchase", "reserve", "settle", "refund"]


@dataclass(frozen=True)
class Operation:
    """One call that was carried out. A settle or refund names its reservation."""

    key: UUID
    user_id: UUID
    kind: Kind
    amount: int
    stripe_session_id: str | None = None
    reservation_key: UUID | None = None


@dataclass(frozen=True)
class Reservation:
    """Credits set aside; what is neither settled nor returned is still held."""

    user_id: UUID
    amount: int
    settled: int = 0
    returned: int = 0

    @property
    def held(self) -> int:
        """Return how many credits are left to settle or give back."""
        return self.amount - self.settled - self.returned


@dataclass(frozen=True)
class Entry:
    """One movement of credit. ``reference`` is the Stripe session or the reservation's key."""

    user_id: UUID
    amount: int
    balance_before: int
    balance_after: int
    kind: Kind
    reference: str
    request_key: UUID


@dataclass(frozen=True)
class State:
    """All there is: balances by user, operations and reservations by key, and the ledger.

    A state shares what hasn't changed with the one before it. ``paid`` has the key under which each
    Stripe session was credited; the newest of the ``entries`` is the first.
    """

    balances: HashTrieMap[UUID, int] = field(default_factory=HashTrieMap)
    operations: HashTrieMap[UUID, Operation] = field(default_factory=HashTrieMap)
    paid: HashTrieMap[str, UUID] = field(default_factory=HashTrieMap)
    reservations: HashTrieMap[UUID, Reservation] = field(default_factory=HashTrieMap)
    entries: List[Entry] = field(default_factory=List)


class Refused(Exception):  # noqa: N818 (a business answer, not an error)
    """Not applied; the text is the reason."""


Id = UUID | None
Row = dict[str, dict[str, object]]
Step = tuple[State, Row]


def apply_credit_purchase(
    state: State,
    user_id: Id,
    amount: int | None,
    idempotency_key: Id,
    stripe_session_id: str | None,
    *,
    caller: str = BACKEND,
) -> Step:
    """Credit a user with what was paid in a Stripe session, once."""
    try:
        user, given, key = _checked(caller, user_id, amount, idempotency_key)
        if stripe_session_id is None or not re.search(r"\S", stripe_session_id):
            raise Refused("missing_stripe_session_id")
        operation = Operation(key, user, "purchase", given, stripe_session_id)
        _key_is_free(state, operation)
        if stripe_session_id in state.paid:
            raise Refused("stripe_session_already_processed")
        _profile_exists(state, user)
        after = _post(_recorded(state, operation), operation)
    except Refused as refusal:
        return state, {"apply_credit_purchase": _answer(refusal)}
    return after, {"apply_credit_purchase": _answer()}


def reserve_credits(
    state: State,
    user_id: Id,
    amount: int | None,
    idempotency_key: Id,
    *,
    caller: str = BACKEND,
) -> Step:
    """Set credits aside before the work that they pay for begins."""
    try:
        user, given, key = _checked(caller, user_id, amount, idempotency_key)
        operation = Operation(key, user, "reserve", given)
        _key_is_free(state, operation)
        _profile_exists(state, user)
        after = _post(_recorded(state, operation), operation)
    except Refused as refusal:
        return state, {"reserve_credits": _answer(refusal)}
    held = after.reservations.insert(key, Reservation(user, given))
    return replace(after, reservations=held), {"reserve_credits": _answer()}


def settle_credits(
    state: State,
    user_id: Id,
    amount: int | None,
    idempotency_key: Id,
    reservation_key: Id,
    *,
    caller: str = BACKEND,
) -> Step:
    """Use up reserved credits. They have left the balance before, so no entry is written."""
    try:
        user, given, key = _checked(caller, user_id, amount, idempotency_key)
        after, _ = _drawn(state, key, user, "settle", given, reservation_key)
    except Refused as refusal:
        return state, {"settle_credits": _answer(refusal)}
    return after, {"settle_credits": _answer()}


def refund_credits(
    state: State,
    user_id: Id,
    amount: int | None,
    idempotency_key: Id,
    reservation_key: Id,
    *,
    caller: str = BACKEND,
) -> Step:
    """Give reserved credits back that were not settled."""
    try:
        user, given, key = _checked(caller, user_id, amount, idempotency_key)
        drawn, operation = _drawn(state, key, user, "refund", given, reservation_key)
        after = _post(drawn, operation)
    except Refused as refusal:
        return state, {"refund_credits": _answer(refusal)}
    return after, {"refund_credits": _answer()}


def _checked(caller: str, user_id: Id, amount: int | None, key: Id) -> tuple[UUID, int, UUID]:
    """Return what every function asks for, if it is all there and the backend is calling."""
    if caller != BACKEND:
        raise Refused("unauthorized")
    if user_id is None:
        raise Refused("missing_user_id")
    if amount is None or amount <= 0:
        raise Refused("invalid_amount")
    if key is None:
        raise Refused("missing_idempotency_key")
    return user_id, amount, key


def _key_is_free(state: State, operation: Operation) -> None:
    """Raise Refused if something was done under this key before: the same, or anything else."""
    earlier = state.operations.get(operation.key)
    if earlier == operation:
        raise Refused("idempotency_key_already_processed")
    if earlier is not None:
        raise Refused("idempotency_key_conflict")


def _profile_exists(state: State, user_id: UUID) -> None:
    if user_id not in state.balances:
        raise Refused("user_profile_not_found")


def _drawn(
    state: State, key: UUID, user_id: UUID, kind: Kind, amount: int, reservation_key: Id
) -> tuple[State, Operation]:
    """Take the credits of a settle or refund out of what its reservation still holds."""
    if reservation_key is None:
        raise Refused("missing_reservation_key")
    operation = Operation(key, user_id, kind, amount, reservation_key=reservation_key)
    _key_is_free(state, operation)
    reservation = state.reservations.get(reservation_key)
    if reservation is None or reservation.user_id != user_id:
        raise Refused("reservation_not_found")
    if amount > reservation.held:
        raise Refused("reservation_exceeded")
    if kind == "settle":
        after = replace(reservation, settled=reservation.settled + amount)
    else:
        after = replace(reservation, returned=reservation.returned + amount)
    reservations = state.reservations.insert(reservation_key, after)
    return replace(_recorded(state, operation), reservations=reservations), operation


def _recorded(state: State, operation: Operation) -> State:
    key, session = operation.key, operation.stripe_session_id
    paid = state.paid if session is None else state.paid.insert(session, key)
    return replace(state, operations=state.operations.insert(key, operation), paid=paid)


def _post(state: State, operation: Operation) -> State:
    """Move credit: the balance and the entry that explains it, always together."""
    user = operation.user_id
    amount = -operation.amount if operation.kind == "reserve" else operation.amount
    before = state.balances[user]
    after = before + amount
    if after < 0:
        raise Refused("insufficient_credits")
    if after > LARGEST:
        raise Refused("balance_overflow")
    reference = operation.stripe_session_id or str(operation.reservation_key or operation.key)
    entry = Entry(user, amount, before, after, operation.kind, reference, operation.key)
    balances = state.balances.insert(user, after)
    return replace(state, balances=balances, entries=state.entries.push_front(entry))


def _answer(refusal: Refused | None = None) -> dict[str, object]:
    return {"applied": refusal is None, "reason": str(refusal or "applied")}


# What a history is checked with (crossfoot check).

_CALLS: dict[str, Callable[..., Any]] = {
    "apply_credit_purchase": apply_credit_purchase,
    "reserve_credits": reserve_credits,
    "settle_credits": settle_credits,
    "refund_credits": refund_credits,
}
_KINDS: dict[str, Kind] = {"purchase": "purchase", "reserve": "reserve", "refund": "refund"}
_IDS = {"user_id", "idempotency_key", "reservation_key"}
MOST_CALLS = 1_000_000  # of one account: a state shares nearly all with the one before it
# Who calls, and what other users have used, isn't in one user's history.
ELSEWHERE = (
    "*unauthorized*",
    "*stripe_session_already_processed*",
    "*idempotency_key_conflict*",
    "*user_profile_not_found*",
)


def touched(operation: str, arguments: Mapping[str, object], parts: object) -> tuple[str, ...]:
    """Return the user whose call it is."""
    user = arguments.get("user_id")
    return () if user is None else (str(user),)


def opened(name: str, entries: Sequence[LedgerEntry], calls: Sequence[Call]) -> State:
    """Return the state of one user to which these entries have led."""
    state = State(balances=HashTrieMap({UUID(name): 0}))
    for entry in entries:
        key, user, amount = UUID(entry.key), UUID(name), abs(int(entry.amount))
        session = entry.reference if entry.kind == "purchase" else None
        reservation = UUID(entry.reference) if entry.kind == "refund" else None
        operation = Operation(key, user, _KINDS[entry.kind], amount, session, reservation)
        if operation.kind == "refund":
            state, _ = _drawn(state, key, user, "refund", amount, reservation)
        else:
            state = _recorded(state, operation)
        state = _post(state, operation)
        if operation.kind == "reserve":
            held = state.reservations.insert(key, Reservation(user, amount))
            state = replace(state, reservations=held)
    return state


def called(state: State, name: str, call: Call) -> Step:
    """Make a call that a history tells of."""
    given = {
        argument: UUID(str(value)) if argument in _IDS and value is not None else value
        for argument, value in call.arguments.items()
    }
    step: Step = _CALLS[call.operation](state, **given)
    return step


def balance(state: State, name: str) -> int:
    """Return how many credits a user has."""
    return state.balances[UUID(name)]
