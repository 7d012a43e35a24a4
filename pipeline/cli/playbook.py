"""``playbook.…``: one task a playbook."""

from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task

from pipeline.cli.terminal import DEPLOY_FILE, ROOT, Terminal, configuration, honest

NAMES = {
    "site-down": "Better Stack pages you, or users write that nothing loads.",
    "database-unreachable": "The health check answers 503, or logs speak of connections.",
    "deployment-failure": "The deploy workflow is red, or a run ended badly.",
    "error-spike": "Sentry alerts on many errors, or on a new one.",
    "performance-degradation": "It is slow.",
    "authentication-failure": "Users cannot sign in, or are signed out.",
    "storage-failure": "Uploads or downloads fail.",
    "data-loss": "What users had made is gone, or a table is.",
    "rate-limiting": "Users see 429.",
    "security-incident": "A secret has leaked, or somebody sees what is not theirs.",
    "vendor-outage": "A vendor's status page reports an incident.",
}
"""Playbook → when. Here, because `--list` must not load the playbooks; a test compares."""
HELP = {
    "target": "as for deploy",
    "incident": "the incident it is for (default: the only open one, or a new one)",
    "what": "what users cannot do, when it opens one",
    "since": "first harm: 02:10 or 2026-11-23T02:10, UTC (default: now)",
    "auto": "nobody is there: do the machine's part, take its proposals, tell whom it can",
    "apart": "seconds between the two last looks (default: 300; 1 in the sandbox)",
    "by": "your name",
}


def _made(name: str, when: str) -> "Task[Any]":
    def follow(
        c: Context,
        target: str = "",
        incident: str = "",
        what: str = "",
        since: str = "",
        auto: bool = False,
        apart: float = 0.0,
        by: str = "",
    ) -> None:
        with honest():
            from pipeline.commands.incident import Said, follow_playbook
            from pipeline.incidents.person import Nobody

            person = Nobody(Terminal()) if auto else Terminal()
            said = Said(target, incident, by, what=what, since=since)
            over = follow_playbook(configuration(), said, name, ROOT, DEPLOY_FILE, person, apart)
        if not over:
            raise SystemExit(1)

    follow.__name__ = name.replace("-", "_")
    follow.__doc__ = f"{when} Walks you through it, writes it down, goes on where it stopped. Exit 1: not over."
    return Task(follow, name=name, help=HELP)


def collection() -> Collection:
    """One task a playbook."""
    return Collection(*(_made(name, when) for name, when in NAMES.items()))
