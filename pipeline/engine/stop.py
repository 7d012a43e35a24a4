"""Why a run does not go on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stop:
    """Why a run stopped going forward.

    ``holds``: no reason to go back (the old deployment fails alike, too little was seen, or nobody could look); a
    person decides. ``cut``: the run was interrupted, so nothing is known about the release. ``because``: which of
    these, names of HELD.
    """

    reason: str
    holds: bool = False
    cut: bool = False
    because: str = ""
