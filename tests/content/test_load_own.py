"""A load of somebody's own target, written as scenarios/load/README.md shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from crossfoot.report import load_run
from crossfoot.results import Kind
from crossfoot.verdicts import Verdict

README = Path(__file__).parents[2] / "scenarios/load/README.md"

SCHEMA = """
create schema gift;
create table gift.card (id uuid primary key, balance integer not null check (balance >= 0));
create function gift.redeem(p_card uuid, p_amount integer) returns integer
language sql
as $$
    update gift.card set balance = balance - p_amount where id = p_card returning balance
$$;
"""
BINDING = """
[target]
name = "gift_cards"
about = "Gift cards"
sql = ["schema.sql"]
schemas = ["gift"]

[operations.redeem]
call = "select gift.redeem(:card, :amount)"

[fixtures.card]
values = { card = "uuid", balance = 100 }
sql = "insert into gift.card (id, balance) values (:card, :balance)"

[relations]
account = "select id::text as account_id, balance from gift.card"
"""


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.M | re.S)
    return str(found)


def test_the_example_of_the_readme_loads_a_target_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "scenarios/load"
    folder.mkdir(parents=True)
    (tmp_path / "schema.sql").write_text(SCHEMA)
    (tmp_path / "target.toml").write_text(BINDING)
    (folder / "population.toml").write_text(block("toml"))
    (folder / "gift_cards.py").write_text(block("python"))
    ran = subprocess.run(
        [sys.executable, "-m", "crossfoot", "load", "gift_cards", "-u", "4", "--run-time", "2s"],
        cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert ran.returncode == 3, ran.stdout + ran.stderr  # most relations aren't bound
    checks = load_run(tmp_path / "crossfoot-out/latest").targets[0].checks
    (load,) = [check for check in checks if check.kind is Kind.LOAD]
    assert load.verdict is Verdict.PASS
    assert load.title == "Everybody redeems"
    assert load.operations == ["redeem"]
    assert "ended" not in load.population
    assert 1 <= int(load.population["users"]) <= 4  # of whom not all may have got to a call in time
    (account,) = [check for check in checks if check.name == "balance_not_negative"]
    assert account.verdict is Verdict.PASS
