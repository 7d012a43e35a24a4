from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflows.shop import Shop, opened_shop


@pytest.fixture
def shop(tmp_path: Path, cluster: Path) -> Iterator[Shop]:
    """A team's repository whose tools are in the cache already, as after the first run of a workflow."""
    with opened_shop(tmp_path) as made:
        made.act.keep_installed()
        yield made
