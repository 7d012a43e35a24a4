from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vendors.world import World, served_world


@pytest.fixture(scope="module")
def served() -> Iterator[World]:
    """One sandbox per module (and worker): what is deployed in it stays for the next test."""
    with served_world() as world:
        yield world


@pytest.fixture
def world(served: World) -> World:
    served.calm()
    return served


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Path:
    """A built release, linked to the project."""
    return world.release(tmp_path / "shop")[0]
