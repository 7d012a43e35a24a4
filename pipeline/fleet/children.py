"""The process that carries one project: a command of ours in the project's home, with that project's own secrets only.

Not in the worker itself: the environment, the signals, the list of secrets and the loop of a run belong to its process,
and projects of different teams must not meet there. It is forked from the worker's nursery, which has imported all of
it. What a worker or a nursery dies of does not stop a run: the process goes on, and whoever takes up the part waits for
it.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from pipeline.clients.nursery import Answer, Child, Nursery
from pipeline.clients.pacing import FIRST
from pipeline.config.shared import VARIABLE as SHARED
from pipeline.config.shared import SharedSections
from pipeline.environment import NODE, OUTSIDE, for_child, variable
from pipeline.errors import ServiceError
from pipeline.fleet.ends import LOST, MOST_SAID, REFUSED, ProjectEnd, end_from
from pipeline.fleet.file import FleetProject
from pipeline.fleet.order import OrderAction, OrderPlan
from pipeline.home import TOOL

NURSERY = "import sys; sys.path[:0] = [sys.argv.pop(1)]; from pipeline.cli.nursery import main; main()"


def nursery() -> Nursery:
    """Where the projects of a worker are forked."""
    return Nursery((sys.executable, "-P", "-c", NURSERY, str(TOOL)))


async def carry(
    nursery: Nursery, words: list[str], environment: Mapping[str, str], home: Path, answer: Answer
) -> ProjectEnd:
    """Run the process of a project to its end, and give how the project ended; ``answer``: what it asks meanwhile."""
    try:
        child = await nursery.run(words, environment, home, lambda line: None, answer)
    except ServiceError as error:
        return ProjectEnd(LOST, str(error)[:MOST_SAID])
    return answer_of(child.printed) or _without_answer(child)


def missing_tokens(project: FleetProject) -> tuple[str, ...]:
    """A line for each variable that ``tokens`` names and that is not set where this worker runs."""
    return tuple(
        f"tokens.{secret}: names {name}, which is not set here"
        for secret, name in project.tokens.items()
        if not variable(name)
    )


def environment_of(
    project: FleetProject, plan: OrderPlan | None = None, shared: SharedSections | None = None
) -> Mapping[str, str]:
    """All that the process of a project is given: this machine, its own secrets, and who gave the order, if any did.

    ``shared``: what the fleet says of its `deploy.yml`.
    """
    secrets = {secret: variable(name) for secret, name in project.tokens.items()}
    first = plan is not None and plan.action is OrderAction.ROLL_BACK
    order = {"GITHUB_ACTOR": plan.by if plan else "", FIRST: "1" if first else ""}
    order |= {SHARED: str(shared) if shared else ""}
    return for_child(*OUTSIDE, *NODE, **secrets, **{name: value for name, value in order.items() if value})


def words_of(plan: OrderPlan, name: str, project: FleetProject, home: Path, wait: float, lease: float) -> list[str]:
    """What is typed to carry a project, the name of the command first.

    ``wait``: seconds for somebody else's lock; ``lease``: seconds after which its own counts no more, if it is silent.
    """
    said = {"target": project.target}
    flags: tuple[str, ...] = ()
    if plan.action is OrderAction.DEPLOY:
        said |= {"run": plan.run_of(name), "from": project.ships, "lock-wait": f"{wait:g}s", "lease": f"{lease:g}s"}
        flags = plan.flags
    else:
        deployed = plan.back_to[name]
        said |= {"back-to": deployed.before, "from-deployment": deployed.staged}
    options = [f"--{flag}={value}" for flag, value in said.items() if value]
    return ["inv", "--home", str(home), "fleet.carry", *options, *flags]


def answer_of(printed: str) -> ProjectEnd | None:
    """The end that the process printed as its last line; None when that is none."""
    lines = printed.strip().splitlines()
    try:
        body = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return end_from(body) if isinstance(body, dict) and "outcome" in body else None


def _without_answer(child: Child) -> ProjectEnd:
    """What is known of a process that did not print an end: exit 2 has touched nothing, anything else may have."""
    says = " ".join(line.removeprefix("error: ") for line in child.complaints)[:MOST_SAID]
    unknown = "nobody knows how its process ended" if child.code is None else f"its process ended with {child.code}"
    return ProjectEnd(REFUSED if child.code == 2 else LOST, says or unknown)
