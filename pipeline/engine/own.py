"""Asks the gates of the home's own: whatever they do, a run goes on, and what they could not say counts as unseen."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from checks.evidence import StagedDeployment
from checks.gate import Finding, Gate
from checks.own import CommandAnswer, CommandGate, answer_of, bounded
from pipeline.clients.command import run_bounded
from pipeline.environment import for_child, variable_or_file
from pipeline.errors import Unreachable, Unreadable
from pipeline.signals import stopped_after
from pipeline.world.world import World

JUDGING = 5.0  # seconds that a function may take to look at values
ENDLESS = 1000  # findings; nobody has more
TOLD = ("DEPLOY_TARGET", "DEPLOY_COMMIT", "DEPLOY_URL")
"""What a command may name and we know: the target, the commit, the address of the staged deployment or the domain."""
_endless: set[str] = set()


def fenced(gate: Gate, values: Mapping[type, Any]) -> tuple[Finding, ...]:
    """What ``gate`` says. Raises Unreachable when it crashes, does not end, or says what is no finding."""
    if gate.place in _endless:
        raise Unreachable(gate.name, gate.place, f"it did not end in {JUDGING:g} s before, and is not asked again")
    try:
        with stopped_after(JUDGING):
            return bounded(islice(gate.judge(*(values[kind] for kind in gate.inputs.values())), ENDLESS))
    except TimeoutError as error:
        _endless.add(gate.place)
        raise Unreachable(gate.name, gate.place, str(error)) from error
    except (Exception, SystemExit) as bug:
        raise Unreachable(gate.name, gate.place, f"it failed: {type(bug).__name__}: {bug}") from bug


async def answered(gate: CommandGate, world: World, known: Mapping[type, Any]) -> CommandAnswer:
    """Run the command of ``gate`` in the home. Raises Unreachable or Unreadable when that is no answer."""
    given = environment_of(gate, world, known)
    code, printed, complained = await run_bounded(gate.name, gate.command, world.root, given, gate.seconds)
    try:
        return answer_of(code, printed, complained)
    except ValueError as error:
        raise Unreadable(gate.name, gate.command[0], str(error)) from error


def environment_of(gate: CommandGate, world: World, known: Mapping[type, Any]) -> dict[str, str]:
    """All that the command is given: what every process has, and the variables that it names."""
    staged = known.get(StagedDeployment)
    told = (world.target, world.release.commit, staged.url if staged else world.site(world.domain))
    ours = dict(zip(TOLD, told, strict=True))
    named = {name: ours.get(name) or variable_or_file(name, world.root) for name in gate.environment}
    return for_child(**{name: value for name, value in named.items() if value})
