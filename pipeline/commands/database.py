"""``invoke database.…`` and ``invoke diagnose.database``: looks at the database; production is not changed."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from checks.evidence import Migrations, PlannedChanges, Release
from checks.policy import DatabasePolicy
from pipeline.clients.postgres import Postgres
from pipeline.commands.check import asked, show
from pipeline.config import Config
from pipeline.definitions.deploy import MIGRATIONS
from pipeline.record.journal import plain
from pipeline.render.database import answers_text, plan_text, restored_text
from pipeline.session.questions import ask_all
from pipeline.session.session import Order, Session, session
from pipeline.steps.relief import resolve_migration
from pipeline.steps.restoring import rehearse_restore
from pipeline.world.opening import open_world
from pipeline.world.world import World

Out = Callable[[str], None]


def plan_migrations(config: Config, order: Order, root: Path, out: Out, *, as_json: bool) -> bool:
    """Print what is pending and what it would do; whether a gate would stop a deploy."""
    with session(config, order.target, root) as it:
        answers, seen = asyncio.run(asked(it, order, root, MIGRATIONS, (Migrations, PlannedChanges)))
        if as_json:
            findings = {gate.name: [one.plain for one in found] for gate, found, _ in answers}
            out(it.redactor(json.dumps({"seen": plain(seen), "gates": findings}, ensure_ascii=False)))
            return any(one.verdict.stops for _, found, _ in answers for one in found)
        if seen:
            out(it.redactor(plan_text(seen[0], seen[1].changes)))
            out("")
        return show(it, answers, out)


def diagnose_database(config: Config, target: str, root: Path, out: Out, *, as_json: bool) -> bool:
    """Print every answer; whether one of them is cause for worry."""
    with session(config, target, root) as it:
        database = Postgres(it.settings.secrets["DIRECT_URL"])
        answers = asyncio.run(ask_all(database, it.settings.policies[DatabasePolicy]))
        out(it.redactor(json.dumps(plain(answers), ensure_ascii=False) if as_json else answers_text(answers)))
        return any(one.alarming for one in answers)


def mark_rolled_back(config: Config, target: str, migration: str, root: Path, out: Out) -> None:
    """Mark a failed migration as rolled back. Raises Mistake when there is none."""
    with session(config, target, root) as it:

        async def carry_out() -> str:
            async with _world(it, out) as world:
                return await resolve_migration(world, migration)

        out(it.redactor(asyncio.run(carry_out())))


def rehearse_newest_backup(config: Config, target: str, root: Path, out: Out, *, as_json: bool) -> bool:
    """Print how it went; whether everything came back."""
    with session(config, target, root) as it:

        async def carry_out() -> bool:
            async with _world(it, (lambda _: None) if as_json else out) as world:
                seen = await rehearse_restore(world, it.settings.policies[DatabasePolicy])
            document = {**plain(seen), "whole": seen.whole}
            out(it.redactor(json.dumps(document, ensure_ascii=False) if as_json else restored_text(seen)))
            return seen.whole

        return asyncio.run(carry_out())


@contextlib.asynccontextmanager
async def _world(it: Session, out: Out) -> AsyncIterator[World]:
    """The world, with no release in it."""
    async with open_world(it.settings, Release("", "."), "by-hand", it.clock, progress=out) as world:
        yield world
