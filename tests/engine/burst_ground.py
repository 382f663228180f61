"""What the tests of bursts stand on: gift cards, redeemed rightly and wrongly, and a database of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from crossfoot.background import BackgroundServer
from crossfoot.bursts.burst import Burst, load_burst
from crossfoot.bursts.check import BurstRun, Record
from crossfoot.results import Check
from crossfoot.target import Target, load_target
from crossfoot.workbench import Workbench

TARGET = """
[target]
name = "gift"
about = "Gift cards"
sql = ["gift.sql"]

[operations.redeem]
call = "select * from gift.redeem(:card, :amount, :note)"
refused = ["P0001 INSUFFICIENT*"]

[operations.redeem_without_lock]
call = "select * from gift.redeem_without_lock(:card, :amount)"
refused = ["P0001 INSUFFICIENT*", "result.redeemed = false"]

[operations.look]
call = "select gift.look(:card)"

[relations]
account = "select id::text as account_id, balance from gift.card"
"""
# The pause makes the window between looking and writing wider than all callers need to look.
SCHEMA = """
create schema gift;
create table gift.card (id uuid primary key, balance integer not null);
create function gift.redeem(p_card uuid, p_amount integer, p_note text default null)
returns table (balance_left integer)
language plpgsql as $$
begin
    update gift.card as card set balance = card.balance - p_amount
    where card.id = p_card and card.balance >= p_amount
    returning card.balance into balance_left;
    if not found then
        raise exception 'INSUFFICIENT: less than %', p_amount;
    end if;
    return next;
end
$$;
create function gift.redeem_without_lock(
    p_card uuid, p_amount integer, out redeemed boolean, out balance_left integer
)
language plpgsql as $$
begin
    select card.balance - p_amount into balance_left from gift.card as card where card.id = p_card;
    redeemed := balance_left >= 0;
    if redeemed then
        perform pg_sleep(0.3);
        update gift.card as card set balance = card.balance - p_amount where card.id = p_card;
    end if;
end
$$;
create function gift.look(p_card uuid) returns setof integer
language sql as 'select balance from gift.card where id = p_card';
"""


def gift_target(folder: Path) -> Target:
    """Return the target, written into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "target.toml").write_text(TARGET)
    (folder / "gift.sql").write_text(SCHEMA)
    return load_target(folder / "target.toml")


def written(folder: Path, text: str, name: str = "spent") -> Path:
    """Write a burst file of the target in ``folder``."""
    place = folder / "scenarios" / "bursts" / "gift"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{name}.burst.sql"
    path.write_text(text)
    return path


def burst(target: Target, text: str) -> Burst:
    """Return the burst of a file's text."""
    return load_burst(written(target.file.parent, text), target)


def run(
    server: BackgroundServer,
    target: Target,
    chosen: Burst,
    *,
    callers: int | None = None,
    record: Record | None = None,
    first: int = 0,
) -> Check:
    """Return the check of a burst, sent at a database of its own."""
    bench = Workbench(server.server)

    async def work() -> Check:
        async with bench.as_written(target) as form, bench.ground(form) as ground:
            many = callers or chosen.callers
            return await BurstRun(ground, chosen, 1, many, record, first).check()

    return server.run(work())


@asynccontextmanager
async def card_database(server: BackgroundServer, target: Target) -> AsyncIterator[str]:
    """Yield the name of a database with the target in it."""
    bench = Workbench(server.server)
    async with bench.as_written(target) as form, bench.clone(form) as name:
        yield name


async def open_card(connection: asyncpg.Connection, card: str, balance: int) -> None:
    """Insert a card."""
    await connection.execute("insert into gift.card values ($1, $2)", card, balance)
