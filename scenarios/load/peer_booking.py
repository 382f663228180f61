"""Month end: everybody gets the credits of the next period while everybody spends.

A month ends every two seconds. Its invoices are told several times, at once and out of order.
Meanwhile sessions are booked, each by several at the same moment, and some are refunded.
"""

import time
from datetime import UTC, datetime, timedelta

from locust import task

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
        self.deliver("/v1/peer_booking/webhook", event)


class MemberInDatabase(Member, DatabaseUser):
    """Calls the functions themselves, as the service does."""

    @task(3)
    def book(self) -> None:
        """Book the session of the moment, and now and then take it back."""
        number = self.session_number()
        session = self.population.id("session", number)
        booked = self.call(
            "process_peer_booking_credits",
            key=session,
            client_id=self.population.id("client", number),
            practitioner_id=self.population.id("practitioner", number),
            session_id=session,
            duration_minutes=60,
        )
        if booked.outcome is Outcome.OK and self.wants_refund():
            self.call(
                "process_peer_booking_refund",
                key=session,
                session_id=session,
                reason="cancelled",
            )

    @task(2)
    def month_end(self) -> None:
        """Give somebody the credits of a month."""
        number, month = self.any_number("practitioner"), self.month()
        begin, end = self.period(month)
        subscription = self.population.id("subscription", number)
        self.call(
            "allocate_monthly_credits",
            key=f"{subscription}@{month}",
            user_id=self.population.id("practitioner", number),
            subscription_id=subscription,
            amount=CREDITS,
            allocation_type="monthly",
            period_start=begin,
            period_end=end,
        )
