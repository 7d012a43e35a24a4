"""``invoke fleet.check``, ``fleet.monitor`` and ``fleet.env``: look at all projects of a fleet."""

import json
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from checks.policy import EnvironmentPolicy
from pipeline.config import Config
from pipeline.environment import variable
from pipeline.errors import Mistake
from pipeline.fleet.ends import alike
from pipeline.fleet.judging import judged
from pipeline.fleet.ordering import chosen
from pipeline.fleet.place import fleet_file, worlds_up
from pipeline.fleet.surveying import ProjectAnswer, ask_all, ends_of, exit_code_of, to_target, worst_first
from pipeline.fleet.variables import KEY, compared, fingerprints, variables_from
from pipeline.record.journal import plain
from pipeline.render.fleetlooks import checked_text, compared_text, monitored, monitored_text
from pipeline.session.session import open_session

Out = Callable[[str], None]
RUN = "fleet-variables"
MISTAKE = 2
"""The exit code of a command that did not understand what was typed."""


def check_fleet(root: Path, select: str, gate: str, out: Out, *, as_json: bool) -> bool:
    """Ask of each project what ``check`` asks, or one gate or family, and say it together. True when all may go on."""
    file = fleet_file(root)
    projects = chosen(file, select)
    asked = f"check.{gate}" if gate else "check"
    with worlds_up(root, file):
        answers = ask_all(root, file, projects, lambda project: [asked, "--json", *to_target(project)])
    _must_be_understood(answers)
    found = judged(ends_of(answers))
    out(json.dumps({"asked": len(projects), "findings": plain(found)}) if as_json else checked_text(projects, found))
    return not found


def _must_be_understood(answers: Sequence[ProjectAnswer]) -> None:
    """Raises Mistake when nobody understood the question, e.g. a gate that there is not."""
    wrong = {alike(one.says, one.project): one.says for one in answers if one.body is None and one.code == MISTAKE}
    if len(wrong) == 1 and all(one.body is None and one.code == MISTAKE for one in answers):
        raise Mistake(next(iter(wrong.values())))


def monitor_fleet(root: Path, select: str, out: Out, *, weekly: bool, as_json: bool) -> int:
    """Answer the daily or weekly checklist of each project, the worst first; the exit code of the gravest."""
    file = fleet_file(root)
    asked = "monitor.weekly" if weekly else "monitor.daily"
    with worlds_up(root, file):
        answers = ask_all(root, file, chosen(file, select), lambda project: [asked, "--json", *to_target(project)])
    answers = worst_first(answers)
    if as_json:
        out(json.dumps([monitored(answer) for answer in answers]))
    else:
        out(monitored_text(answers))
    return exit_code_of(answers)


def compare_variables(root: Path, select: str, out: Out, *, as_json: bool) -> bool:
    """Say which project lacks which variable, and whose value is not its group's. True when nothing is to be said."""
    file = fleet_file(root)
    projects = chosen(file, select)
    key = {KEY: secrets.token_hex(32)}
    with worlds_up(root, file):
        answers = ask_all(root, file, projects, lambda project: ["fleet.variables", *to_target(project)], key)
    seen = {one.project: variables_from(one.body) for one in answers if one.code == 0 and isinstance(one.body, dict)}
    unseen = {one.project: one.says or "gave no answer" for one in answers if one.project not in seen}
    found = compared(seen, {name: file.projects[name].group for name in projects})
    if as_json:
        out(json.dumps({"asked": len(projects), "findings": plain(found), "unseen": unseen}))
    else:
        out(compared_text(len(projects), found, unseen))
    return not found and not unseen


def print_fingerprints(config: Config, target: str, root: Path, out: Out) -> None:
    """Print the names and fingerprints of a project's variables as one line of JSON, under the key of who asks."""
    try:
        key = bytes.fromhex(variable(KEY))
    except ValueError:
        key = b""
    if not key:
        raise Mistake("fleet.variables: is started by ./inv fleet.env, which gives it a key")
    with open_session(config, target, root) as session:
        policy = session.settings.policies[EnvironmentPolicy]
        out(json.dumps(session.in_world(RUN, lambda world: fingerprints(world, policy, key))))
