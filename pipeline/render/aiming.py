"""Commands that are shown are aimed: they name the target of the run that they are about."""

import re

WORD = "[a-z]+(?:-[a-z]+)*"
TAKE_A_TARGET = (
    "bisect", "build.all", "build.output", "build.pull", "deploy", "doctor", "env.check", "fleet.carry",
    "fleet.variables", "history", "journal.tell", "load", "lock", "logs", "rollback", "runbooks.review", "settle",
    "status", "unlock", "waivers",
)  # fmt: skip
"""Commands that have ``--target``, beside every one of FAMILIES."""
FAMILIES = ("check", "database", "diagnose", "incident", "monitor", "playbook")
MOVES = re.compile(
    rf"(\./inv (?:(?:{'|'.join(map(re.escape, TAKE_A_TARGET))})|(?:{'|'.join(FAMILIES)})(?:\.{WORD}){{1,2}}|check"
    r"|diagnose))"
    r"(?![\w-]|\.\w)(?!(?:(?!\./inv)[^`\n])*--(?:target|project)[ =])"
)


def aimed(text: str, target: str) -> str:
    """``text`` with ``--target`` after each command in it that would else aim somewhere else; as it is without one."""
    return MOVES.sub(rf"\1 --target {target}", text) if target else text
