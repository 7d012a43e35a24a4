"""Remembers what the emulated Neon has.

A branch or snapshot names its database; an empty name has a meaning of its own.
"""

from dataclasses import dataclass, field


@dataclass
class Operation:
    """An operation that Neon runs after it has answered.

    ``began`` and ``takes`` are seconds; ``error`` is why it failed.
    """

    id: str
    action: str
    branch: str
    began: float
    takes: float
    endpoint: str = ""
    error: str = ""


@dataclass
class Branch:
    """A branch names its database.

    ``database`` is empty for the app's own. ``endpoint`` is empty without a compute. ``expires`` 0 is never.

    ``ready`` is when it can be used; a ``broken`` one never can. ``snapshot`` is what it was restored from, and
    ``replaces`` the branch that it is to take the place of.
    """

    id: str
    name: str
    created: float
    database: str = ""
    parent: str = ""
    endpoint: str = ""
    source: str = "parent-data"
    protected: bool = False
    expires: float = 0
    expiry_set: float = 0
    ready: float = 0
    updated: float = 0
    reset: float = 0
    broken: bool = False
    snapshot: str = ""
    replaces: str = ""
    finalized: bool = False
    disabled: bool = False
    """Whether somebody has switched its compute off."""


@dataclass
class Snapshot:
    """A snapshot names its database: an empty ``database`` is last night's, as it was when just seeded.

    ``expires`` 0 is never.
    """

    id: str
    name: str
    created: float
    branch: str
    database: str = ""
    manual: bool = False
    expires: float = 0


@dataclass
class Neon:
    """What Neon remembers of the project.

    ``branch`` is the id of the default branch, ``endpoint`` its first compute's.
    """

    project: str
    branch: str
    endpoint: str
    created: float
    retention_seconds: int = 604800
    branch_limit: int = 10
    snapshot_limit: int = 10
    branches: list[Branch] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        if all(
            branch.id != self.branch for branch in self.branches
        ):  # on the first day, or a state from before branches
            main = Branch(self.branch, "main", self.created, endpoint=self.endpoint, protected=True)
            main.ready = main.updated = self.created
            self.branches.insert(0, main)

    def found(self, id: str) -> Branch | None:
        return next((branch for branch in self.branches if branch.id == id), None)
