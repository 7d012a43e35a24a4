"""Where a fleet keeps what it knows: the record of its orders, and the Postgres of its queue."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.errors import Mistake
from pipeline.fleet.checkouts import LOCAL, FleetHomes
from pipeline.fleet.file import FleetFile, load_fleet
from pipeline.home import FLEET
from pipeline.record.bounded import Store
from pipeline.record.journal import Journal
from pipeline.record.place import Place, place_to_open
from pipeline.record.store import open_store
from pipeline.redact import Redactor, of_this_process

PROGRAM = "pipeline.sandbox.fleetserver"
LONGEST_START = 30.0
A_WORLD = 2.0  # seconds that one more world may take to open


@dataclass(frozen=True)
class Fleet:
    """A fleet that is open. ``queue``: the URL of the Postgres with the jobs, which is a secret."""

    root: Path
    file: FleetFile
    store: Store
    place: Place
    queue: str = field(repr=False)

    def journal(self, order: str) -> Journal:
        """The journal of an order; several processes write to it."""
        return Journal(self.store, order, SystemClock().now, of_this_process())

    @property
    def homes(self) -> FleetHomes:
        """Where its projects have their homes here."""
        return FleetHomes(self.root, self.file)


def fleet_file(root: Path) -> FleetFile:
    """Read the ``fleet.yml`` of ``root``. Raises Mistake."""
    if not (root / FLEET).exists():
        raise Mistake(f"{FLEET}: is not in {root}; go to the fleet's folder, or say --home DIR")
    return load_fleet(root / FLEET)


@contextlib.contextmanager
def open_record(root: Path, file: FleetFile) -> Iterator[tuple[Store, Place]]:
    """Open the record of the fleet's orders, for who only looks."""
    place = place_to_open(file.state, root, file.unencrypted)
    store = open_store(place.address, root)
    try:
        yield store, place
    finally:
        store.close()


@contextlib.contextmanager
def open_fleet(root: Path, file: FleetFile) -> Iterator[Fleet]:
    """Open the record and the queue; without a shared Postgres one of this machine's own is started, or held.

    That one also serves the worlds of a fleet of examples. Raises Mistake.
    """
    with contextlib.ExitStack() as stack:
        store, place = stack.enter_context(open_record(root, file))
        queue = place.address if place.shared else ""
        if not queue or (root / LOCAL / "worlds.json").exists():
            local = _local(root, file, stack)
            queue = queue or local
        Redactor([queue])  # from here on nobody says it
        yield Fleet(root, file, store, place, queue)


@contextlib.contextmanager
def worlds_up(root: Path, file: FleetFile) -> Iterator[None]:
    """Keep the worlds of a fleet of examples up, for who only looks; of any other fleet nothing is started."""
    with contextlib.ExitStack() as stack:
        if (root / LOCAL / "worlds.json").exists():
            _local(root, file, stack)
        yield


def _local(root: Path, file: FleetFile, stack: contextlib.ExitStack) -> str:
    from pipeline.sandbox.launch import SandboxError, attach
    from pipeline.world.extras import must_have

    longest = LONGEST_START + A_WORLD * len(file.projects)
    try:
        running = stack.enter_context(attach(root / LOCAL, timeout=longest, program=PROGRAM))
    except SandboxError as error:
        must_have("sandbox")
        raise Mistake(
            f"{error}\nOr name a variable with a Postgres URL as `state` in {FLEET}: that needs none of this"
        ) from error
    return str(running["queue_url"])
