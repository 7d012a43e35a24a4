"""What ``init`` writes is what the generators say, whole."""

from pathlib import Path

from pipeline.commands.adopt import InitOrder, init
from pipeline.config import load
from pipeline.documents.writing import Sources, stale
from tasks import command_words
from tests.adoption.layouts import SHOP
from tests.adoption.test_seen import written


def test_the_workflows_and_pages_of_a_new_home_are_current(tmp_path: Path) -> None:
    place, words = written(tmp_path, SHOP), command_words()
    assert not init(InitOrder(place, yes=True), words, lambda text: None)
    assert (place / ".github/workflows/deploy.yml").is_file()
    assert (place / "runbooks/deployment-runbook.md").is_file()
    assert stale(Sources(load(place / "deploy.yml"), place, words, "deploy-runbook")) == ""
