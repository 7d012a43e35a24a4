"""``invoke env.check``: the target's environment as a table of names, never of values, and what the gates say."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from checks.evidence import EnvironmentVariables, ReadVariables
from checks.policy import EnvironmentPolicy
from pipeline.commands.check import answers_json, asked, show, stops
from pipeline.config import Config
from pipeline.definitions.deploy import ENVIRONMENT
from pipeline.render.environment import variables_text
from pipeline.session.session import Order, open_session


def check(config: Config, order: Order, root: Path, out: Callable[[str], None], *, as_json: bool = False) -> bool:
    """Print the table of variables and what the gates say. True when something would stop a run."""
    with open_session(config, order.target, root) as session:
        answers, seen = asyncio.run(asked(session, order, root, ENVIRONMENT, (EnvironmentVariables, ReadVariables)))
        if as_json:
            out(session.redactor(answers_json(answers, seen)))
            return stops(answers)
        if seen:
            required = [wanted.name for wanted in session.settings.policies[EnvironmentPolicy].required]
            variables, read = seen
            out(variables_text(variables, read, required) + "\n")
        return show(session, answers, out)
