"""``check`` and ``check.FAMILY.GATE``: one task a gate. Loads the gates, so it is loaded only when asked for."""

from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task

from checks.gate import Gate
from pipeline.cli.terminal import ROOT, configuration, honest, out
from pipeline.commands.check import ask_gates, given_by_steps
from pipeline.definitions.deploy import DEPLOY
from pipeline.definitions.every import GATES
from pipeline.session.session import Order

HELP = {
    "target": "as for deploy",
    "from": "as for deploy",
    "commit": "as for deploy",
    "approved-by": "as for deploy",
    "over-rollback": "as for deploy",
    "older": "as for deploy",
}


def collection() -> Collection:
    """``check`` (everything that can be asked now) and one task a gate, grouped by family."""

    def task_for(name: str, gates: tuple[Gate, ...], words: str) -> "Task[Any]":
        def body(
            c: Context,
            target: str = "",
            from_: str = "",
            commit: str = "",
            approved_by: str = "",
            over_rollback: bool = False,
            older: bool = False,
        ) -> None:
            with honest():
                order = Order(target, from_, commit, approved_by=approved_by, over_rollback=over_rollback, older=older)
                stops = ask_gates(configuration(), order, ROOT, gates, out)
            if stops:
                raise SystemExit(1)

        body.__doc__ = words
        return Task(body, name=name, help=HELP)

    now = tuple(gate for gate in DEPLOY.stages[0].asks if not given_by_steps(gate))
    made = Collection()
    made.add_task(task_for("all", now, "Ask everything that preflight asks."), default=True)
    families: dict[str, Collection] = {}
    for gate in GATES:
        family = families.setdefault(gate.family, Collection())
        family.add_task(task_for(gate.name.partition(".")[2], (gate,), _words(gate)))
    for family_name, family in families.items():
        made.add_collection(family, family_name)
    return made


def _words(gate: Gate) -> str:
    words = gate.procedure
    return f"{words.title}\n\nWhy: {words.why}\n\nBy hand:\n{words.by_hand}\n\nIf it fails: {words.if_it_fails}"
