"""Rows that are made up: as many as asked, with every constraint kept, and a word where that cannot be."""

import asyncio

import psycopg

from pipeline.clients.madeup import Made, make_up
from pipeline.clients.postgres import Postgres
from pipeline.clients.prisma import Migration
from pipeline.clients.timing import took

SCHEMA = """
create schema shop;
set search_path to shop;
create type state as enum ('new', 'paid', 'sent');
create domain code as varchar(8) not null;
create table "User" (id text primary key, email varchar(40) not null unique, born date,
  "isAdmin" boolean not null default false);
create table profile (id serial primary key, user_id text not null unique references "User", bio text);
create table "Order" (id bigint generated always as identity primary key, "userId" text not null references "User",
  state state not null, total numeric(10, 2) not null check (total > 0), tags text[], data jsonb not null,
  at timestamptz,
  code code, parent bigint references "Order", twice numeric generated always as (total * 2) stored);
create table liked (user_id text references "User", order_id bigint references "Order",
  primary key (user_id, order_id));
create table kind (state state primary key);
create table line (order_id bigint not null, user_id text not null, n int not null,
  foreign key (user_id, order_id) references liked (user_id, order_id), unique (order_id, n));
create table strict (id int primary key, word text not null check (word in ('a', 'b')));
create table of_strict (id int primary key, strict_id int not null references strict);
create table shape (id int primary key, where_ point not null);
create table self (id int primary key, of int not null references self);
create table tenant (id int primary key default 1, n smallint);
create table kept (id int primary key);
create table parts (id int not null, at date not null) partition by range (at);
create table parts_all partition of parts default;
insert into kept values (7);
create table checked (id int primary key, of text references "User",
  born date check (born > date '1900-01-01' and born < date '1999-01-01'),
  begins timestamptz not null default now(), ends timestamptz, constraint later check (ends > begins),
  state text not null default 'open' unique, constraint open check (state in ('open', 'shut')),
  constraint somebody check (of is null or of = 'nobody'));
"""


def made(url: str, rows: int, **special: int) -> dict[str, Made]:
    async def go() -> dict[str, Made]:
        return {one.table: one async for one in make_up(Postgres(f"{url}?schema=shop"), rows, special)}

    return asyncio.run(go())


def test_every_table_is_filled_and_what_cannot_be_is_said(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as db:
        db.execute(SCHEMA.encode())
        found = made(empty_database_url, 300, User=50)
        rows = {name: one.rows for name, one in found.items()}
        assert rows == {
            "User": 50,
            "profile": 50,
            "Order": 300,
            "liked": 300,
            "kind": 3,
            "line": 300,
            "strict": 0,
            "of_strict": 0,
            "shape": 0,
            "self": 0,
            "tenant": 300,
            "kept": 1,
            "checked": 1,
            "parts": 300,
        }
        assert list(found).index("User") < list(found).index("Order") < list(found).index("liked")
        assert "violates check constraint" in found["strict"].says
        assert found["of_strict"].says == "it must point at strict, which is empty"
        assert found["self"].says == "it must point at self, which is itself"
        assert found["shape"].says == "nothing of the type point (where_) can be made up"
        assert found["kind"].says == "no more than 3 differ where they must be unique"
        assert found["kept"].says == "had rows already"
        of, born, ends, state = db.execute(b"select of, born, ends, state from shop.checked").fetchone() or ()
        assert (of, born, ends, state) == (None, None, None, "open"), "what a check refuses is left out"
        asked = b"""select count(distinct state), count(distinct "userId"), min(length(code)), min(twice / total)
          from shop."Order" """
        assert db.execute(asked).fetchone() == (3, 50, 8, 2)
    assert all(one.says == "had rows already" for name, one in made(empty_database_url, 300).items() if rows[name])


def test_each_statement_is_timed_on_a_table_of_that_size(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as db:
        db.execute(b"create table big (id int primary key, words text); create table small (id int)")

    async def go() -> tuple[Made, ...]:
        return tuple([one async for one in make_up(Postgres(empty_database_url), 0, {"big": 60_000})])

    counts = {one.table: one.rows for one in asyncio.run(go())}
    assert (counts["big"], counts["small"]) == (60_000, 0)
    text = b"alter table small add a int;\n\nupdate big set words = words || '!';\nselect 1 / 0;\nselect 2;\n"
    times = asyncio.run(took(Postgres(empty_database_url), [Migration("m", text)], 60))
    assert [(one.migration, one.line) for one in times] == [("m", 1), ("m", 3), ("m", 4)]
    assert times[1].ms > times[0].ms
    assert [one.failure for one in times] == ["", "", "division by zero"]
