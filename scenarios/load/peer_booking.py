"""Month end: everybody gets the credits of the next period while everybody spends.

A month ends every two seconds. Its invoices are told several times, at once and out of order.
Meanwhile sessions are booked, each by several at the same moment, and some are refunded. One member
can pay one thing at a time, or lend to one person, and some calls are none that anybody may make.
"""

import time
import uuid
from datetime import UTC, datetime, timedelta
from functools import partial

from locust import task

from crossfoot.history.record import CallRecord
from crossfoot.load.users import DatabaseUser, Outcome, ServiceUser, between

MONTH = 2.0  # seconds
EACH = 0.1  # seconds that a session is the one that people book
CREDITS = 100
FIRST = datetime(2030, 2, 1, tzinfo=UTC)


class Member:
    """What all members have in common."""

    target = "peer_booking"
    wait_time = between(0.02, 0.1)

    def session_number(self) -> int:
        """Return the number of the session that this side books now."""
        return 2 * int(time.time() / EACH) + self.side

    def month(self) -> int:
        """Return the number of the month that has ended, or of one just before."""
        return int(time.time() / MONTH) % 5000 + self.random.choice([0, 0, 0, 1, 2])

    def period(self, month: int) -> tuple[datetime, datetime]:
        """Return when a month begins and ends."""
        return FIRST + timedelta(days=30 * month), FIRST + timedelta(days=30 * (month + 1))

    def wants_refund(self) -> bool:
        """Say whether a booking is taken back."""
        return self.random.random() < 0.2


class MemberOverHttp(Member, ServiceUser):
    """Books through the service, which hears of paid invoices by webhook."""

    @task(3)
    def book(self) -> None:
        """Book the session of the moment, and now and then take it back."""
        number = self.session_number()
        path = f"/v1/peer_booking/sessions/{self.population.id('session', number)}"
        body = {
            "client_id": self.population.id("client", number),
            "practitioner_id": self.population.id("practitioner", number),
            "duration_minutes": 60,
        }
        name = "/v1/peer_booking/sessions/{session_id}"
        booked = self.post(f"{path}/booking", body, name=f"{name}/booking", key=path)
        if booked.outcome is Outcome.OK and self.wants_refund():
            self.post(f"{path}/refund", {"reason": "cancelled"}, name=f"{name}/refund", key=path)

    @task(2)
    def month_end(self) -> None:
        """Tell the service that somebody's month is paid."""
        number, month = self.any_number("practitioner"), self.month()
        begin, end = self.period(month)
        metadata = {
            "system": "peer_booking",
            "subscription_id": str(self.population.id("subscription", number)),
            "user_id": str(self.population.id("practitioner", number)),
            "allocation_type": "monthly",
            "credits": str(CREDITS),
        }
        period = {"start": int(begin.timestamp()), "end": int(end.timestamp())}
        invoice = {
            "id": f"in_{month}_{number}",
            "object": "invoice",
            "status": "paid",
            "parent": {"subscription_details": {"metadata": metadata}},
            "lines": {"data": [{"period": period}]},
        }
        event = {
            "id": f"evt_{month}_{number}",
            "object": "event",
            "type": "invoice.payment_succeeded",
            "data": {"object": invoice},
        }
        tell = partial(self.deliver, "/v1/peer_booking/webhook", event)
        self.at_once(tell, tell)

    @task(1)
    def cheat(self) -> None:
        """Try what nobody may do: book for less than nothing, and as somebody else."""
        number = self.session_number()
        path = f"/v1/peer_booking/sessions/{self.population.id('session', number)}/booking"
        name = "/v1/peer_booking/sessions/{session_id}/booking"
        named = {
            "client_id": self.population.id("client", number),
            "practitioner_id": self.population.id("practitioner", number),
        }
        self.misuse(path, {**named, "duration_minutes": -60}, name=name)
        named["client_id"] = self.population.id("client", number + 2)
        self.misuse(path, {**named, "duration_minutes": 60}, name=name)


class MemberInDatabase(Member, DatabaseUser):
    """Calls the functions themselves, as the service does."""

    @task(3)
    def book(self) -> None:
        """Book the session of the moment, now and then twice at once, or take it back."""
        number = self.session_number()
        book = partial(self.book_one, number, refund=self.wants_refund())
        self.at_once(*[book] * self.random.choice([1, 1, 2]))

    @task(3)
    def book_what_is_scarce(self) -> None:
        """Book two sessions at once with credits for one, and take back what was booked."""
        numbers = [self.any_number("scarce session") for _ in range(2)]
        self.at_once(*[partial(self.book_one, each, "scarce ", refund=True) for each in numbers])

    def book_one(self, number: int, kind: str = "", *, refund: bool) -> None:
        """Book a session, and take it back or not."""
        session = self.population.id(f"{kind}session", number)
        booked = self.call(
            "process_peer_booking_credits",
            key=session,
            client_id=self.population.id(f"{kind}client", number),
            practitioner_id=self.population.id(f"{kind}practitioner", number),
            session_id=session,
            duration_minutes=60,
        )
        if booked.outcome is Outcome.OK and refund:
            named = {"session_id": session, "reason": "cancelled"}
            self.call("process_peer_booking_refund", key=session, **named)

    @task(2)
    def lend_what_is_scarce(self) -> None:
        """Send two people the same credits at once; they send back what they got."""
        lender = self.any("scarce client")
        self.at_once(*[partial(self.lend, lender, self.any("practitioner")) for _ in range(2)])

    def lend(self, lender: uuid.UUID, borrower: uuid.UUID) -> None:
        """Send credits there and back."""
        if self.send(lender, borrower).outcome is Outcome.OK:
            self.send(borrower, lender)

    def send(self, sender: uuid.UUID, receiver: uuid.UUID) -> CallRecord:
        """Send credits of which a scarce balance has them once."""
        key = self.key()
        return self.call(
            "credits_transfer",
            key=key,
            from_user_id=sender,
            to_user_id=receiver,
            amount=50,
            reference_id=key,
            reference_type="loan",
            description="",
        )

    @task(2)
    def month_end(self) -> None:
        """Give somebody the credits of a month, twice at once."""
        number, month = self.any_number("practitioner"), self.month()
        begin, end = self.period(month)
        subscription = self.population.id("subscription", number)
        give = partial(
            self.call,
            "allocate_monthly_credits",
            key=f"{subscription}@{month}",
            user_id=self.population.id("practitioner", number),
            subscription_id=subscription,
            amount=CREDITS,
            allocation_type="monthly",
            period_start=begin,
            period_end=end,
        )
        self.at_once(give, give)

    @task(1)
    def repeat(self) -> None:
        """Take an answer for lost and spend again, twice at once; use the key for something else."""
        user, key, amount = self.any("client"), self.key(), self.random.randint(1, 10_000)
        again = partial(self.spend, user, amount, key)
        again()
        self.at_once(again, again)
        self.spend(user, amount + 1, key)

    def spend(self, user: uuid.UUID, amount: int, key: uuid.UUID) -> None:
        """Take from somebody's balance."""
        self.call(
            "update_credit_balance",
            key=key,
            user_id=user,
            amount=-amount,
            transaction_type="spend",
            description="",
            reference_id=key,
            reference_type="load",
        )

    @task(1)
    def cheat(self) -> None:
        """Try what nobody may do: negative amounts, another's functions, tables by hand."""
        one, other, key = self.any("client"), self.any("practitioner"), self.key()
        gift = {"user_id": one, "description": "a gift to myself", "event_id": str(key)}
        self.misuse("allocate_user_credits", amount=-5, **gift)
        self.misuse("allocate_user_credits", role="authenticated", amount=5, **gift)
        sent = {"from_user_id": one, "to_user_id": other, "description": "less than nothing"}
        sent |= {"reference_id": key, "reference_type": "loan"}
        self.misuse("credits_transfer", amount=-5, **sent)
        self.misuse(
            "update peer_booking.credits set balance = balance + 1"
            " where user_id = :user returning balance",
            user=one,
        )
