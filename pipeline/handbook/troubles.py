"""Errors that somebody will meet, and what to do about each: a run prints them, the troubleshooting guide lists them."""

import re
from dataclasses import dataclass

from pipeline.handbook.reading import every, read


@dataclass(frozen=True)
class Trouble:
    """One row of the troubleshooting guide. ``playbook``: the name of the one to follow when users feel it.

    ``sign``: what gives the trouble away in an error's text, a regular expression; empty when only a person can tell.
    """

    error: str
    symptoms: str
    diagnosis: str
    resolution: str
    playbook: str = ""
    sign: str = ""


def _troubles(name: str) -> tuple[str, tuple[Trouble, ...]]:
    text = read(f"troubles/{name}.yml")
    return text["heading"], every(Trouble, text["troubles"], f"troubles/{name}.yml: troubles")


TROUBLES = dict(map(_troubles, ("services", "database", "vercel", "tool")))
"""Heading → the troubles below it."""


def recognised(text: str) -> tuple[Trouble, ...]:
    """The troubles that give themselves away in an error's ``text``, the most special first; at most two."""
    known = [trouble for troubles in TROUBLES.values() for trouble in troubles]
    found = [trouble for trouble in known if trouble.sign and re.search(trouble.sign, text)]
    special = [trouble for trouble in found if not trouble.error.startswith("P3018")]  # it only says: something failed
    return tuple((special or found)[:2])
