"""DSNs: both of libpq's forms are read, and no password ever shows."""

from __future__ import annotations

import pytest

from crossfoot.errors import ServerError
from crossfoot.server import redact
from crossfoot.server.dsn import Dsn


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://app:hunter2@db:5432/shop",
        "postgresql+asyncpg://app:hunter2@db/shop",
        "postgresql://app:hunter2/x@y#z@db:5432/shop",
        "postgresql://app:@hunter2@db/shop",
        "postgresql://:hunter2@db",
        "postgres://app@db/shop?password=hunter2&sslmode=require",
        "postgres://app@db/shop?sslmode=require&password=hunter2&x",
        "postgres://app@db/shop?sslpassword=hunter2",
        "host=db user=app password=hunter2 dbname=shop",
        "host=db password = 'a b hunter2' dbname=shop",
        r"host=db password='it\'s hunter2' dbname=shop",
        r"host=db password=a\ hunter2 dbname=shop",
        "host=db password=a&hunter2",
        "host=db password='unclosed hunter2",
        "PGPASSWORD=hunter2 psql -h db",
        "cannot connect to postgresql://a:hunter2@x/y,postgresql://b:hunter2@x/y at all",
        "postgre//sql://app:hunter2@db",
    ],
)
def test_no_form_of_a_dsn_shows_its_password(text: str) -> None:
    assert "hunter2" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://app@db:5432/shop",
        "postgresql://db:5432/shop?sslmode=require",
        "host=db user=app dbname=shop",
        "see https://example.org:8080/password for more",
    ],
)
def test_a_text_without_a_password_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "url", "place"),
    [
        (
            "postgresql://app:p%40ss@db:5433/shop",
            "postgresql://app:p%40ss@db:5433/shop",
            "db:5433",
        ),
        ("postgres://app:p@ss@db/shop", "postgresql://app:p%40ss@db/shop", "db:5432"),
        ("postgresql+psycopg://db", "postgresql://db/postgres", "db:5432"),
        ("postgresql://[::1]:5433/x", "postgresql://[::1]:5433/x", "[::1]:5433"),
        ("postgresql://a:1,b/x", "postgresql://a:1,b/x", "a:1,b:5432"),
        (
            "host=db port=5433 user=app password='p ss' dbname=shop",
            "postgresql://app:p%20ss@/shop?host=db&port=5433",
            "db:5433",
        ),
        (
            "postgresql:///x?host=/run/pg&channel_binding=require&sslmode=require",
            "postgresql:///x?host=%2Frun%2Fpg&sslmode=require",
            "/run/pg:5432",
        ),
        ("postgresql://u@/x?password=s&host=db", "postgresql://u:s@/x?host=db", "db:5432"),
    ],
)
def test_both_forms_of_a_dsn_are_read(
    text: str, url: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGHOST", "PGPORT", "PGDATABASE"):
        monkeypatch.delenv(name, raising=False)
    dsn = Dsn.parse(text)
    assert dsn.url() == url
    assert dsn.place == place


def test_a_database_takes_the_place_of_the_one_in_the_dsn() -> None:
    dsn = Dsn.parse("postgresql://app:secret@db/shop?sslmode=require")
    assert dsn.url("a b") == "postgresql://app:secret@db/a%20b?sslmode=require"


def test_the_timeout_of_the_dsn_is_ours() -> None:
    assert Dsn.parse("postgresql://db/x?connect_timeout=3").timeout == 3
    assert "connect_timeout" not in Dsn.parse("postgresql://db/x?connect_timeout=3").url()


def test_a_dsn_doesnt_show_its_password_when_it_is_printed() -> None:
    dsn = Dsn.parse("postgresql://app:hunter2@db/shop?sslpassword=hunter2")
    assert "hunter2" not in repr(dsn)
    assert "hunter2" not in dsn.without_password().url()


@pytest.mark.parametrize(
    "text",
    [
        "mysql://app:hunter2@db/shop",
        "postgresql://app:hunter2/x@db/shop",
        "postgresql://app:hunter2#x@db/shop",
        "postgresql://app:hunter2@db:port/shop",
        "postgresql://app:hunter2@db:99999/shop",
        "postgresql://app:hunter2@[::1/shop",
        "postgresql://app@db/shop?password",
        "app:hunter2@db/shop",
        "hunter2",
        "host=db password='hunter2",
        "host=db port=hunter2",
    ],
)
def test_a_dsn_that_cant_be_read_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ServerError) as refused:
        Dsn.parse(text)
    assert "hunter2" not in str(refused.value)
    assert refused.value.remedy
    assert refused.value.__cause__ is None
