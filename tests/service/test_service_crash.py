"""The service is killed between Stripe's effect and its own record: one resource, one record."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from service_ground import STRIPE_KEY, WEBHOOK_SECRET, Ground

pytest_plugins = ["service_fixtures"]

PATIENCE = 120  # seconds until something that hangs is given up
# Part of what Stripe is sent, and compares: it has to stay the same over a restart.
PUBLIC = "http://127.0.0.1:8000"
LATER = "update stripe_idempotency.stripe_idempotency_keys set lease_expires_at = now()"
ORDER = {"operation_id": "order-1", "email": "guest@example.org", "cents": 700}


@contextmanager
def process_of(ground: Ground, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield the service as a process of its own, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": ground.db.dsn,
        "STRIPE_API_KEY": STRIPE_KEY,
        "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "PYTHONPATH": str(Path(ground.package.__path__[0]).parent),
    }
    command = [sys.executable, "-m", "service", "--port", str(port), "--journal"]
    command += [str(ground.journal), "--stripe-url", ground.stripe.url, *arguments]
    command += ["--public-url", PUBLIC]
    process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _answers(url, process)
        yield process, url
    finally:
        process.kill()
        process.wait()


def _answers(url: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.TransportError):
            assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
            return
        time.sleep(0.05)
    raise AssertionError("the service didn't start")


def post(url: str, **body: Any) -> httpx.Response:
    path = f"{url}/v1/stripe_payments/guest_checkouts"
    return httpx.post(path, json=body, trust_env=False, timeout=PATIENCE)


def test_a_service_killed_between_call_and_record_ends_with_one_session(ground: Ground) -> None:
    # There is no answer while the service lives.
    ground.stripe.fault("slow", "POST", "/v1/checkout/sessions", seconds=60)
    with process_of(ground) as (process, url):
        caller = threading.Thread(target=lambda: suppressed(url), daemon=True)
        caller.start()
        wait(lambda: bool(ground.stripe.status()["faults"][0]["struck"]))
        process.kill()
        process.wait()
        caller.join(20)
    ground.stripe.clear_faults()
    wait(lambda: bool(ground.stripe.objects("checkout.session")))
    assert [claim["status"] for claim in ground.db.claims()] == ["in_progress"]

    with ground.service(public_url=PUBLIC) as service:
        early = service.post("/v1/stripe_payments/guest_checkouts", **ORDER)
        assert (early.status_code, early.json()["reason"]) == (409, "in_progress")
        ground.db.script(LATER)
        answer = service.patient("/v1/stripe_payments/guest_checkouts", 60, **ORDER)
        assert answer.status_code == 200
    (session,) = ground.stripe.objects("checkout.session")
    (claim,) = ground.db.claims()
    assert (claim["status"], claim["stripe_resource_id"]) == ("completed", session["id"])
    assert claim["attempt"] == 2
    assert answer.json()["session_id"] == session["id"]


def suppressed(url: str) -> None:
    with suppress(httpx.TransportError):
        post(url, **ORDER)


def wait(ready: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


MISTAKES = {
    "no database": ([], {"DATABASE_URL": ""}, "which database? Give --dsn"),
    "a dead database": (
        ["--dsn", "postgresql://a:b@127.0.0.1:1/c"],
        {},
        'the database doesn\'t let the service in as "service_role": ',
    ),
    "a DSN that can't be read": (["--dsn", "postgresql://a:b@h:secret/c"], {}, "can't be read"),
    "no API key": ([], {"STRIPE_API_KEY": ""}, "STRIPE_API_KEY isn't set"),
    "a lease that is too short": (["--lease", "5"], {}, "lease is 5 s"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_at_the_start_is_one_line_without_a_secret(ground: Ground, mistake: str) -> None:
    arguments, changes, line = MISTAKES[mistake]
    environment = {
        **os.environ,
        "DATABASE_URL": ground.db.dsn,
        "STRIPE_API_KEY": STRIPE_KEY,
        "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
        "PYTHONPATH": str(Path(ground.package.__path__[0]).parent),
        **changes,
    }
    command = [sys.executable, "-m", "service", "--port", "0", *arguments]
    done = subprocess.run(
        command, env=environment, text=True, capture_output=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 2
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr
    assert STRIPE_KEY not in done.stderr
