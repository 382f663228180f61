"""Users' greenlets share connections of asyncpg, in one thread. Each script is a process of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from burst_ground import card_database, gift_target, open_card
from test_load_users import run

from crossfoot.background import BackgroundServer

CARD = "00000000-0000-0000-0000-000000000007"
BEGIN = """
import itertools, uuid
from pathlib import Path
from crossfoot.load.bridge import Bridge
from crossfoot.load.sessions import Sessions
from crossfoot.target import load_target
target = load_target(Path("target.toml"))
card = uuid.UUID("{card}")
noted = []
def opened(most=100, timeout=30.0):
    note = lambda name, call: noted.append(call)
    return Sessions("{dsn}", most, itertools.count(1), note, timeout)
bridge = Bridge()
bridge.start()
def redeem(sessions, amount):
    arguments = {{"card": card, "amount": amount, "note": None}}
    return bridge.call(sessions.call(target, "me", "redeem", arguments, "", 1))
"""


def played(server: BackgroundServer, folder: Path, script: str, *, locked: bool = False) -> str:
    """Run a script beside a card that holds 100 and may be locked; return what it prints."""
    target = gift_target(folder)

    async def work() -> str:
        async with card_database(server, target) as name:
            control = await server.server.connect(name)
            await open_card(control, CARD, 100)
            # By its name, which has to be looked up.
            dsn = server.server.dsn(name).replace("127.0.0.1", "localhost")
            text = BEGIN.format(card=CARD, dsn=dsn) + script
            try:
                async with control.transaction():
                    if locked:
                        await control.execute("select from gift.card for update")
                    return await asyncio.to_thread(run, text, folder)
            finally:
                await control.close()

    return server.run(work())


def test_many_greenlets_share_a_few_connections(server: BackgroundServer, tmp_path: Path) -> None:
    said = played(
        server,
        tmp_path,
        """
sessions = opened(most=3)
jobs = [gevent.spawn(redeem, sessions, 5) for _ in range(25)]
gevent.joinall(jobs)
outcomes = [str(job.value.outcome) for job in jobs]
print(outcomes.count("ok"), outcomes.count("refused"), len({call.id for call in noted}))
print(sum(len(each) for each in sessions._idle.values()))
bridge.close(sessions.close)
""",
    )
    assert said == "20 5 25\n3\n"


def test_a_call_that_takes_too_long_is_unknown_and_the_server_gives_it_up(
    server: BackgroundServer, tmp_path: Path
) -> None:
    said = played(
        server,
        tmp_path,
        """
sessions = opened(timeout=0.3)
call = redeem(sessions, 5)
print(call.outcome, call.end)
sessions._timeout = 30
async def waiting():
    import asyncpg
    other = await asyncio.create_task(asyncpg.connect(sessions._dsn.url()))
    blocked = "select count(*) from pg_locks where not granted"
    while await other.fetchval(blocked):
        await asyncio.sleep(0.01)
    await asyncio.create_task(other.close())
bridge.call(waiting())
print(bridge.call(sessions.call(target, "me", "look", {"card": card}, "", 1)).result)
bridge.close(sessions.close)
""",
        locked=True,
    )
    assert said == "unknown 0\n{'look': '100'}\n"


def test_without_a_database_a_call_ends_in_an_error_with_the_reason(tmp_path: Path) -> None:
    gift_target(tmp_path)
    said = run(
        BEGIN.format(card=CARD, dsn="postgresql://nobody@127.0.0.1:1/none")
        + """
call = redeem(opened(), 5)
print(call.outcome, call.result["message"], noted == [call])
""",
        tmp_path,
    )
    assert said.startswith("error 127.0.0.1:1 can't be reached") and said.endswith("True\n")


DESK = """
from locust.env import Environment
from crossfoot.load.orders import Orders
from crossfoot.load.users import DatabaseUser, desk
from crossfoot.history.record import CallRecord
from crossfoot.verdicts import Outcome
class Somebody(DatabaseUser):
    target = "lead_marketplace"
environment = Environment(user_classes=[Somebody])
environment.create_local_runner()
desk.open(environment, Orders(out="."))
"""


def test_a_call_that_is_noted_late_leaves_the_history_as_it_is(tmp_path: Path) -> None:
    run(
        DESK
        + """
for number in (1, 2):
    desk.note("gift", CallRecord(number, "me", "redeem", Outcome.OK, 1, 2))
    desk.close()
""",
        tmp_path,
    )
    head, *calls = (tmp_path / "history-0.ndjson").read_text().splitlines()
    assert '"calls":1' in head
    assert [line[:7] for line in calls] == ['{"id":1']


def test_a_user_without_a_wait_lets_others_go_on_by_its_calls_or_else_by_a_pause(
    tmp_path: Path,
) -> None:
    said = run(
        DESK
        + """
user, turns = Somebody(environment), []
gevent.spawn(turns.append, "another")
user._called = True
user._pause(0)
print(turns)
user._pause(0)
print(turns)
""",
        tmp_path,
    )
    assert said == "[]\n['another']\n"


def test_what_another_thread_hands_over_is_run_and_times_are_kept(tmp_path: Path) -> None:
    said = run(
        """
from gevent import monkey
from crossfoot.load.bridge import Bridge
bridge = Bridge()
bridge.start()
said = []
async def work():
    loop = asyncio.get_running_loop()
    handed, late = loop.create_future(), loop.create_future()
    hand = lambda: loop.call_soon_threadsafe(handed.set_result, "handed")
    monkey.get_original("_thread", "start_new_thread")(hand, ())
    said.append(await handed)
    loop.call_later(0.1, said.append, "second")
    loop.call_later(0.05, said.append, "first")
    loop.call_later(0.02, said.append, "never").cancel()
    loop.call_soon(said.append, "never").cancel()
    loop.call_later(0.2, late.set_result, None)
    await asyncio.sleep(0)
    await late
async def nothing():
    pass
bridge.call(work())
bridge.close(nothing)
print(said)
""",
        tmp_path,
    )
    assert said == "['handed', 'first', 'second']\n"
