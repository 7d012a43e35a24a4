"""Where runs are remembered, and who shares that: a file of this checkout, or a Postgres that a variable names."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.clients.encrypted import must_be_encrypted
from pipeline.environment import variable_or_file
from pipeline.errors import Mistake
from pipeline.redact import Redactor

NAME = re.compile(r"[A-Z][A-Z0-9_]*")
ADDRESS = re.compile(r"://|\b(host|password|dbname|user)\s*=", re.IGNORECASE)
SCHEMES = ("postgres://", "postgresql://")


@dataclass(frozen=True)
class Place:
    """``address``: a path, empty for the usual one, or a Postgres URL, which is a secret. ``name``: what to call it."""

    address: str = field(repr=False)
    name: str

    @property
    def shared(self) -> bool:
        """Whether laptops and CI see the same record."""
        return self.address.startswith(SCHEMES)

    def __str__(self) -> str:
        if self.shared:
            return f"the database that {self.name} names, shared by all who have that variable"
        return f"{self.name} of this checkout; nobody else sees it"


def place_of(state: str, root: Path) -> Place:
    """The place that ``state`` of deploy.yml means, the variable read from the environment or ``.env`` under ``root``.

    Raises Mistake, without the value, for a variable that is not set or holds no Postgres URL.
    """
    if NAME.fullmatch(state):
        value = variable_or_file(state, root).strip()
        Redactor([value])  # from here on nobody says it
        if not value:
            raise Mistake(
                f"deploy.yml: state: names {state}, which is not set; put the shared Postgres's URL into it, or write "
                '`state: ""` for a file of this checkout, which nobody else sees'
            )
        if not value.startswith(SCHEMES):
            raise Mistake(
                f"{state}: is no Postgres URL; deploy.yml's state wants postgresql://USER:PASSWORD@HOST/DATABASE"
            )
        return Place(value, state)
    if state.startswith("$") or (state.isidentifier() and variable_or_file(state, root)):
        raise Mistake(
            f"deploy.yml: state: {state}: is no file; write the NAME of a variable in capitals and without a dollar "
            "sign, e.g. JOURNAL_URL"
        )
    if ADDRESS.search(state):
        raise Mistake("deploy.yml: state: holds an address; put that into a variable, and its NAME here")
    return Place(state, state or ".runs/journal.db")


def place_to_open(state: str, root: Path, unencrypted: Collection[str]) -> Place:
    """The place as ``place_of`` finds it. Raises Mistake, too, when others could read along on the way there.

    ``unencrypted``: the hosts that deploy.yml excepts.
    """
    place = place_of(state, root)
    if place.shared:
        must_be_encrypted(place.name, place.address, unencrypted)
    return place
