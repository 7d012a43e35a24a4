"""``invoke fleet.worker``: who does the work of a fleet."""

from collections.abc import Callable
from pathlib import Path

from pipeline.errors import Mistake
from pipeline.fleet.ordering import work
from pipeline.fleet.place import fleet_file, open_fleet

Out = Callable[[str], None]


def be_worker(root: Path, groups: str, at_once: int, out: Out) -> None:
    """Work for the fleet until a signal comes, and end what is under way."""
    file = fleet_file(root)
    if at_once < 0:
        raise Mistake(f"--at-once {at_once}: at least 1; 0 or nothing is `at_once` of fleet.yml")
    named = tuple(filter(None, (part.strip() for part in groups.split(","))))
    for name in named:
        if name not in file.groups:
            raise Mistake(f"--groups {name}: fleet.yml has {', '.join(file.groups) or 'no groups'}")
    with open_fleet(root, file) as fleet:
        work(fleet, named, at_once or file.at_once, out)
