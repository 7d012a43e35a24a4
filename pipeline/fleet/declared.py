"""What may stand in ``fleet.yml``: each class is a mapping of it, and its docstrings are the key reference."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from checks.policy import Policy
from pipeline.fleet.permitting import FleetMay
from pipeline.fleet.windows import FleetWindow

Share = int | str


@dataclass(frozen=True)
class FleetGroup(Policy):
    """What the projects of a group share; a project's own word counts more."""

    target: str = ""
    """The target of each project's `deploy.yml`; empty: its default one."""
    labels: dict[str, str] = field(default_factory=dict)
    """What `--select` and waves choose by."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Secret of the projects → the NAME of the worker's variable that holds it."""
    window: FleetWindow | None = None
    """When its projects may be begun; none: always."""
    may: FleetMay | None = None
    """Who may give orders for its projects; what it does not say, the fleet's `may` does."""
    at_once: int | None = None
    """How many of its projects are under way at the same time, on all workers; none: as the fleet's allows."""
    share: dict[str, Any] = field(default_factory=dict)
    """Sections of `deploy.yml`, and `pace`, that its projects share; what their own `deploy.yml` says counts more."""


@dataclass(frozen=True)
class FleetRepository(Policy):
    """A home in a git repository: each order takes the commit that `ref` is at when it is given."""

    repository: str
    """Its address, e.g. `https://github.com/acme/shop.git`. Git signs in with what this machine has."""
    ref: str = ""
    """A branch, a tag or a commit; empty: the branch that is usual there."""
    folder: str = ""
    """The folder with the `deploy.yml` in it, e.g. `apps/shop`; empty: the top."""

    def __str__(self) -> str:
        return f"{self.repository}{f'@{self.ref}' if self.ref else ''}{f' {self.folder}' if self.folder else ''}"


@dataclass(frozen=True)
class FleetProject(Policy):
    """One project: a home of its own."""

    home: str | FleetRepository
    """The folder with its `deploy.yml`, from this file's; or `{repository: …, ref: main, folder: apps/shop}`."""
    group: str = ""
    """The group whose settings it shares."""
    target: str = ""
    """The target of its `deploy.yml`; empty: the group's, else the default one."""
    ships: str = ""
    """What `--from` of `deploy` says: the folder with the build, from its home; empty: the usual one."""
    labels: dict[str, str] = field(default_factory=dict)
    """What `--select` and waves choose by."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Secret of the project → the NAME of the worker's variable that holds it."""
    window: FleetWindow | None = None
    """When it may be begun; none: always."""
    override: dict[str, Any] = field(default_factory=dict)
    """Sections of `deploy.yml`, and `pace`, that count more than what is said there."""


@dataclass(frozen=True)
class FleetGate(Policy):
    """What is asked before a wave begins, each time that the order comes to it: `check` or `command`."""

    check: str = ""
    """A gate, as after `check.`, e.g. `errors.rate-is-usual`; or `all`. It is asked of the projects that the order has
    moved, and of the wave's own when it has moved none."""
    command: tuple[str, ...] = ()
    """A program and its arguments, run in the fleet's folder by whoever conducts; no shell reads them. Exit 0 is yes,
    1 is no; a line that begins with `{` is a finding, as of a home's own gates."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Variable that the command is given → the NAME of the variable that holds it."""
    within: float = 300
    """How long it may take; after that it could not look, which is no yes."""

    def __str__(self) -> str:
        return f"check.{self.check}" if self.check else " ".join(self.command)


@dataclass(frozen=True)
class FleetWave(Policy):
    """A wave: `select`, or `count`, or `percent` of what no earlier wave has; without any of them, all the rest."""

    name: str
    """What it is called."""
    select: str = ""
    """e.g. `canary=yes`, `group=shops`, `country=de,tier=1`."""
    count: int = 0
    """How many projects."""
    percent: float = 0
    """How many percent of all that the order is for, rounded up."""
    pause: float = 0
    """How long nothing begins before this wave, e.g. `10m`, counted from the end of the one before."""
    approval: bool = False
    """Whether somebody has to agree before it begins: the order ends, and is resumed with a name."""
    gate: FleetGate | None = None
    """What has to say yes before it begins; when it does not, the order is held, and is resumed."""


@dataclass(frozen=True)
class FleetWorkers(Policy):
    """How the queue knows that a worker is dead."""

    heartbeat: float = 5
    """How often a worker says that it lives."""
    silent: float = 15
    """A worker that has said nothing for so long is dead: another one takes up its jobs."""
    grace: float = 30
    """How long a worker that is told to end waits for what is under way, before it hands that over to another one."""


@dataclass(frozen=True)
class FleetFile(Policy):
    """The whole of ``fleet.yml``."""

    projects: dict[str, FleetProject]
    """Name → the project."""
    name: str = ""
    """What this fleet is called, as no other one with the same keys. All that is signed names it, and counts nowhere
    else; wanted where there is a `may`."""
    groups: dict[str, FleetGroup] = field(default_factory=dict)
    """Name → what its projects share."""
    waves: tuple[FleetWave, ...] = ()
    """In this order; what none of them has is a last wave, `rest`. None at all: everything is one wave."""
    at_once: int = 4
    """How many projects are under way at the same time, in all."""
    budget: Share = 0
    """How many projects may end badly, or `5%` of them (at least one), before nothing more begins. A percentage is
    also what each wave is judged by: more failures in it than that share gives by chance spend the budget, too."""
    when_spent: Literal["keep", "roll back the wave", "roll back all"] = "keep"
    """What happens then to those that the order has moved and that are well."""
    may: FleetMay | None = None
    """Who may give which order; none: anybody may. With it every order is signed with an SSH key."""
    people: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Group of people → their names; `may` takes both."""
    signers: str = "runbooks/reviews/allowed_signers"
    """The file with the public keys of those who may sign, from this one, as `ssh-keygen` has it."""
    own_waves: bool = False
    """Whether who gave an order may agree to its waves himself."""
    lock_wait: float = 300
    """How long a project waits for somebody else's lock."""
    workers: FleetWorkers = field(default_factory=FleetWorkers)
    """How the queue knows that a worker is dead."""
    share: dict[str, Any] = field(default_factory=dict)
    """Sections of `deploy.yml`, and `pace`, that all projects share; what a group shares counts more."""
    state: str = ""
    """Where orders and the queue are: the NAME of a variable with a Postgres URL, which all workers share. Empty: this
    folder's `.runs/` and a Postgres of this machine's own."""
    unencrypted: tuple[str, ...] = ()
    """Hosts off this machine that may be spoken to without encryption."""


def shared_by_group(project: FleetProject, file: FleetFile) -> FleetProject:
    """The project with what its group says of it."""
    group = file.groups.get(project.group, FleetGroup())
    return dataclasses.replace(
        project,
        target=project.target or group.target,
        labels={**group.labels, **project.labels},
        tokens={**group.tokens, **project.tokens},
        window=project.window or group.window,
    )
