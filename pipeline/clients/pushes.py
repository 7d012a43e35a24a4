"""Reads in ``vercel.json``, or the program in its place, whether Vercel makes a deployment of a push to a branch."""

import json
import re
from pathlib import Path

READ = re.compile(r"[\w./*?{},!@ -]+")
"""Patterns that are understood here: no classes, no groups, no escapes."""
PARTS = {"**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}


FILES = tuple(f"vercel.{ending}" for ending in ("json", "ts", "mts", "js", "mjs", "cjs"))
ENABLED = re.compile(r"\bdeploymentEnabled\s*:\s*(false\b|\{[^}]*\})")


def are_left_alone(folder: Path, branch: str) -> bool:
    """Whether Vercel's file of the release in ``folder`` says that nothing is made of pushes to ``branch``."""
    found = next((folder / name for name in FILES if (folder / name).is_file()), None)
    try:
        return found is not None and said_in(found.read_text(encoding="utf-8", errors="replace"), branch)
    except OSError:
        return False


def said_in(text: str, branch: str) -> bool:
    """Whether ``git.deploymentEnabled`` in the text of a vercel.json or vercel.ts is off for pushes to ``branch``.

    Source: https://vercel.com/docs/project-configuration/git-configuration: patterns of minimatch; where several fit,
    one that says yes is enough. The older ``github.enabled`` is about all branches. What cannot be understood here says
    no to nobody; of a program only what it writes out is.
    """
    try:
        read = json.loads(text)
        said = (read.get("git") or {}).get("deploymentEnabled", True)
        if (read.get("github") or {}).get("enabled") is False:
            return True
    except ValueError:
        return _in_program(text, branch)
    except AttributeError:
        return False
    if not isinstance(said, dict):
        return said is False
    fitting = [enabled for pattern, enabled in said.items() if _fits(pattern, branch, unknown=enabled is not False)]
    return bool(fitting) and all(enabled is False for enabled in fitting)


def _in_program(text: str, branch: str) -> bool:
    said = ENABLED.search(text)
    named = rf"""(?:["']{re.escape(branch)}["']|\b{re.escape(branch)})\s*:\s*false\b"""
    return said is not None and (said[1] == "false" or bool(re.search(named, said[1])))


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
