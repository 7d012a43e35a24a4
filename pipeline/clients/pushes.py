"""Reads in ``vercel.json`` whether Vercel makes a deployment of what is pushed to a branch."""

import json
import re
from pathlib import Path

READ = re.compile(r"[\w./*?{},!@ -]+")
"""Patterns that are understood here: no classes, no groups, no escapes."""
PARTS = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}


def are_left_alone(folder: Path, branch: str) -> bool:
    """Whether ``git.deploymentEnabled`` of the release in ``folder`` says that nothing is made of pushes to ``branch``.

    Source: https://vercel.com/docs/project-configuration/git-configuration: patterns of minimatch; where several fit,
    one that says yes is enough. The older ``github.enabled`` is about all branches. What cannot be understood here says
    no to nobody.
    """
    try:
        read = json.loads((folder / "vercel.json").read_bytes())
        said = (read.get("git") or {}).get("deploymentEnabled", True)
        if (read.get("github") or {}).get("enabled") is False:
            return True
    except (OSError, ValueError, AttributeError):
        return False
    if not isinstance(said, dict):
        return said is False
    fitting = [enabled for pattern, enabled in said.items() if _fits(pattern, branch, unknown=enabled is not False)]
    return bool(fitting) and all(enabled is False for enabled in fitting)


def _fits(pattern: str, branch: str, *, unknown: bool) -> bool:
    """Whether a pattern fits; ``unknown`` when it is of a kind that is not understood."""
    inner = pattern.removeprefix("!")
    if not READ.fullmatch(inner) or "!" in inner or inner.count("{") != inner.count("}"):
        return unknown
    words = re.findall(r"\*\*|[*?{}]|[^*?{}]+", inner)
    try:
        return bool(re.fullmatch(_expression(words), branch)) is (inner == pattern)
    except re.error:
        return unknown


def _expression(words: list[str]) -> str:
    depth, found = 0, ""
    for word in words:
        depth += (word == "{") - (word == "}")
        if word in PARTS:
            found += PARTS[word]
        else:
            found += "|".join(map(re.escape, word.split(","))) if depth > 0 else re.escape(word)
    return found
