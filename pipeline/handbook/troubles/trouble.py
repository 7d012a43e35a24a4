"""What a row of the troubleshooting guide is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """One row of the table. ``playbook``: the name of the one to follow when users feel it.

    ``sign``: what gives it away in an error's text, as a regular expression; empty when only a person can tell.
    """

    error: str
    symptoms: str
    diagnosis: str
    resolution: str
    playbook: str = ""
    sign: str = ""
