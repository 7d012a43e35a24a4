"""Commands that are shown are aimed: they name the target of the run that they are about."""

import re

MOVES = re.compile(r"(\./inv (?:deploy|rollback|settle|status|monitor\.daily|logs)\b)(?![^`\n]*--(?:target|project) )")


def aimed(text: str, target: str) -> str:
    """``text`` with ``--target`` after each command in it that would else aim somewhere else; as it is without one."""
    return MOVES.sub(rf"\1 --target {target}", text) if target else text
