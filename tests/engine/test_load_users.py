"""What happens inside Locust's process. It runs in one of its own, since gevent changes everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BEGIN = """
import asyncio, time
from locust import User  # replaces sockets, threads and time
import gevent
"""


def run(script: str, folder: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", BEGIN + script],
        cwd=folder, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_greenlets_go_on_while_one_waits_for_asyncio(tmp_path: Path) -> None:
    said = run(
        """
from crossfoot.load.bridge import Bridge
bridge = Bridge()
bridge.start()
ticks = []
def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.01)
gevent.spawn(tick)
async def slow(answer):
    await asyncio.sleep(0.3)
    return answer
async def wrong():
    raise ValueError("told")
async def nothing():
    pass
jobs = [gevent.spawn(bridge.call, slow(number)) for number in range(50)]
gevent.joinall(jobs)
try:
    bridge.call(wrong())
except ValueError as error:
    told = str(error)
bridge.close(nothing)
print([job.value for job in jobs] == list(range(50)), len(ticks) > 5, told)
""",
        tmp_path,
    )
    assert said == "True True told\n"


def test_a_coroutine_goes_on_when_its_greenlet_is_killed_and_is_cancelled_at_the_end(
    tmp_path: Path,
) -> None:
    said = run(
        """
from crossfoot.load.bridge import Bridge
bridge = Bridge()
bridge.start()
ended = []
async def work(seconds):
    try:
        await asyncio.sleep(seconds)
        ended.append("through")
    except asyncio.CancelledError:
        ended.append("cancelled")
        raise
async def nothing():
    ended.append("last")
jobs = [gevent.spawn(bridge.call, work(seconds)) for seconds in (0.3, 60)]
gevent.sleep(0.1)
gevent.killall(jobs)
bridge.close(nothing)
print(ended, bridge.under_way)
""",
        tmp_path,
    )
    assert said == "['through', 'cancelled', 'last'] 0\n"


ANSWERS = [
    (200, {}, "ok"),
    (201, {"reason": "of no account"}, "ok"),
    (402, {"reason": "insufficient_credits"}, "refused"),
    (403, {}, "refused"),
    (409, {}, "refused"),
    (422, {}, "refused"),
    (404, {}, "error"),
    (500, {}, "error"),
    (500, {"reason": "unbilled"}, "unknown"),
    (503, {"reason": "busy"}, "retryable"),
    (503, {"reason": "outcome_unknown"}, "unknown"),
    (0, {}, "unknown"),
]


def test_an_answer_of_the_service_is_one_of_five_outcomes(tmp_path: Path) -> None:
    said = run(
        f"""
from types import SimpleNamespace
from crossfoot.load.users import _read
for status, body, _ in {ANSWERS!r}:
    content = str(body).replace("'", '"').encode()
    answer = SimpleNamespace(status_code=status, content=content, error=OSError("lost"))
    print(_read(answer).outcome)
""",
        tmp_path,
    )
    assert said.split() == [outcome for _, _, outcome in ANSWERS]


USER = """
from locust.env import Environment
from crossfoot.load.users import DatabaseUser, desk
class Somebody(DatabaseUser):
    target = "lead_marketplace"
environment = Environment(user_classes=[Somebody])
environment.create_local_runner()
"""


def test_what_users_draw_depends_on_the_seed_and_their_number_alone(tmp_path: Path) -> None:
    script = """
from crossfoot.load.orders import Orders
desk.open(environment, Orders(seed={seed}))
users = [Somebody(environment) for _ in range(3)]
print([(user.session, str(user.key()), user.any_number("lead")) for user in users])
"""
    first, again, other = (run(USER + script.format(seed=seed), tmp_path) for seed in (1, 1, 2))
    assert first == again != other
    assert "w0u0" in first and "w0u2" in first


def test_without_a_database_its_users_say_what_to_set(tmp_path: Path) -> None:
    said = run(
        USER
        + """
from locust.exception import StopUser
try:
    Somebody(environment).on_start()
except StopUser as stop:
    print(stop)
""",
        tmp_path,
    )
    assert said == "no database: set CROSSFOOT_LOAD_DSN\n"
