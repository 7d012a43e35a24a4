"""``invoke database.…`` and ``invoke diagnose.database``: looks at the database; production is not changed."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from checks.evidence import Migrations, PlannedChanges, Release
from checks.policy import DatabasePolicy, SeedPolicy
from pipeline.clients.postgres import Postgres
from pipeline.clients.timing import Took
from pipeline.commands.check import answers_json, asked, show, stops
from pipeline.config import Config
from pipeline.definitions.deploy import MIGRATIONS
from pipeline.errors import Mistake
from pipeline.home import app_in, here
from pipeline.record.journal import plain
from pipeline.render.database import answers_text, plan_text, restored_text
from pipeline.session.questions import ask_all
from pipeline.session.release import find_release
from pipeline.session.session import Order, Session, open_session, silent
from pipeline.steps.rehearsal import timed
from pipeline.steps.relief import resolve_migration
from pipeline.steps.restoring import rehearse_restore
from pipeline.steps.seeding import seed

Out = Callable[[str], None]
DATABASE = ("DIRECT_URL",)


def plan_migrations(config: Config, order: Order, root: Path, out: Out, *, as_json: bool) -> bool:
    """Print the pending migrations and what they would do. True when a gate would stop a deploy."""
    with open_session(config, order.target, root) as session:
        answers, seen = asyncio.run(asked(session, order, root, MIGRATIONS, (Migrations, PlannedChanges)))
        took = _timed(session, order, root, seen[0]) if seen else ()
        if as_json:
            out(session.redactor(answers_json(answers, seen, took=took)))
            return stops(answers)
        if seen:
            out(session.redactor(plan_text(seen[0], seen[1].changes, took)))
            out("")
        return show(session, answers, out)


def _timed(session: Session, order: Order, root: Path, migrations: Migrations) -> tuple[Took, ...]:
    """What each pending statement takes on a copy, in the sandbox of one's own app; elsewhere a deploy rehearses."""
    if not session.settings.own:
        return ()
    release = find_release(session.settings, order, root, session.clock)
    policy: DatabasePolicy = session.settings.policies[DatabasePolicy]
    return session.in_world("by-hand", lambda world: timed(world, policy, migrations), release=release)


def seed_database(config: Config, target: str, root: Path, out: Out) -> None:
    """Do what ``database.seed`` says. Raises Mistake when it says nothing, or this is no sandbox of one's own app."""
    with open_session(config, target, root, DATABASE) as session:
        settings = session.settings
        policy: DatabasePolicy = settings.policies[DatabasePolicy]
        if not settings.own:
            raise Mistake(f"--target {settings.name}: only the sandbox of one's own app is seeded (`own: true`)")
        if policy.seed == SeedPolicy():
            raise Mistake("database.seed: says nothing in deploy.yml; name a file, a command, or a number of rows")
        release = Release("", str(app_in(root, settings.app, here())))
        session.in_world(
            "by-hand", lambda world: seed(world, policy), lambda line: out(session.redactor(line)), release
        )


def diagnose_database(config: Config, target: str, root: Path, out: Out, *, as_json: bool) -> bool:
    """Print every answer of the database. True when one of them is cause for worry."""
    with open_session(config, target, root, DATABASE) as session:
        database = Postgres(session.settings.secrets["DIRECT_URL"])
        answers = asyncio.run(ask_all(database, session.settings.policies[DatabasePolicy]))
        out(session.redactor(json.dumps(plain(answers), ensure_ascii=False) if as_json else answers_text(answers)))
        return any(one.alarming for one in answers)


def mark_rolled_back(config: Config, target: str, migration: str, root: Path, out: Out) -> None:
    """Mark a failed migration as rolled back. Raises Mistake when there is none."""
    with open_session(config, target, root, DATABASE) as session:
        done = session.in_world("by-hand", lambda world: resolve_migration(world, migration), progress=out)
        out(session.redactor(done))


def rehearse_newest_backup(config: Config, target: str, root: Path, out: Out, *, as_json: bool) -> bool:
    """Restore the newest backup beside production and print how it went. True when everything came back."""
    with open_session(config, target, root, DATABASE) as session:
        policy = session.settings.policies[DatabasePolicy]
        seen = session.in_world(
            "by-hand", lambda world: rehearse_restore(world, policy), progress=silent if as_json else out
        )
        document = {**plain(seen), "whole": seen.whole}
        out(session.redactor(json.dumps(document, ensure_ascii=False) if as_json else restored_text(seen)))
        return seen.whole
