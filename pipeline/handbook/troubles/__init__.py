"""Errors somebody will meet, and what to do about each: data that a run prints and the troubleshooting guide lists."""

import re

from pipeline.handbook.troubles.database import DATABASE
from pipeline.handbook.troubles.services import SERVICES
from pipeline.handbook.troubles.tool import TOOL
from pipeline.handbook.troubles.trouble import Trouble
from pipeline.handbook.troubles.vercel import VERCEL

__all__ = ["TROUBLES", "Trouble", "recognised"]

TROUBLES = {
    "Services and variables": SERVICES,
    "Database and migrations": DATABASE,
    "Vercel": VERCEL,
    "This tool": TOOL,
}


def recognised(text: str) -> tuple[Trouble, ...]:
    """The troubles that give themselves away in an error's ``text``, the most special first; at most two."""
    found = [one for troubles in TROUBLES.values() for one in troubles if one.sign and re.search(one.sign, text)]
    special = [one for one in found if not one.error.startswith("P3018")]  # it only says that something failed
    return tuple((special or found)[:2])
