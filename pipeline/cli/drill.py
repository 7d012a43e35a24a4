"""``drill.…``: one task an exercise, and ``drill.all``."""

from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task

from pipeline.cli.terminal import DEPLOY_FILE, ROOT, Terminal, configuration, honest, out

NAMES = {
    "all": "Every exercise, one after the other.",
    "plain": "The three that a plain run of the tests plays.",
    "site-down": "Production site down.",
    "database-slow": "Database performance degradation.",
    "rollback-required": "Deployment rollback required.",
    "done-but-old": "Vercel says done, but the old build serves.",
    "pinned-then-deploy": "Rolled back, and then CI deploys.",
    "lock-holder-killed": "The laptop that deployed is closed.",
    "migration-half-applied": "A migration failed half-way.",
    "github-down": "GitHub is down, and the release is bad.",
    "sentry-blind": "Sentry sees nothing.",
    "vercel-429-storm": "Vercel limits us while we roll back.",
    "vendor-outage": "Vercel has an outage.",
    "table-dropped": "A script has dropped a table.",
    "sign-in-broken": "Nobody can sign in after a release.",
}
"""Exercise → its title. Here, because `--list` must not read the scenarios; a test compares."""
HELP = {
    "auto": "nobody is there: the machine follows the playbook",
    "record": "keep result and gaps in runbooks/ also with --auto (a drill with people always does)",
    "json": "the scores as one JSON document",
}


def _made(name: str, title: str) -> "Task[Any]":
    def exercise(c: Context, auto: bool = False, record: bool = False, json: bool = False) -> None:
        with honest():
            from pipeline.commands.drill import names_of, play_drills
            from pipeline.incidents.person import Nobody

            person = (Nobody() if json else Nobody(Terminal())) if auto else Terminal()
            gaps = play_drills(
                configuration(),
                names_of(name),
                ROOT,
                DEPLOY_FILE,
                person,
                out,
                record=record or not auto,
                as_json=json,
            )
        if gaps:
            raise SystemExit(1)

    exercise.__doc__ = f"{title} Breaks the sandbox, plays the alarm, scores what you do. Exit 1: there is a gap."
    return Task(exercise, name=name, help=HELP)


def collection() -> Collection:
    """The tasks of all drills."""
    return Collection(*(_made(name, title) for name, title in NAMES.items()))
