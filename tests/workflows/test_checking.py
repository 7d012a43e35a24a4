"""``check.yml``, run by a real runner for a pull request from a fork: no secret, and remarks at their lines."""

import pytest

from tests.workflows.runner import needs_act
from tests.workflows.shop import Shop, git

pytestmark = [pytest.mark.wide, pytest.mark.process, needs_act]
NAME = "20991231000000_drop_the_title"
LOUD = """
on: workflow_dispatch
jobs:
  loud:
    runs-on: ubuntu-24.04
    steps:
      - name: loud
        run: seq -f '::error file=a.txt,line=%g::loud' 2000 && exit 1
"""


@pytest.fixture(autouse=True)
def read_to_the_end(shop: Shop) -> None:
    """The remarks are the last thing that a step prints before it fails."""
    shop.act.reads_to_the_end()


def test_a_pull_request_is_checked_without_any_secret(shop: Shop) -> None:
    shop.act.secrets = {}
    git(shop.folder, "checkout", "-q", "-b", "their-branch")
    folder = shop.folder / "prisma/migrations" / NAME
    folder.mkdir()
    (folder / "migration.sql").write_text('\nALTER TABLE "Course" DROP COLUMN "title";\n', encoding="utf-8")
    (shop.folder / "runbooks/monitoring.md").write_text("edited by hand\n", encoding="utf-8")
    git(shop.folder, "add", "-A")
    git(shop.folder, "commit", "-q", "-m", "drop the title")

    ran = shop.act.run("check.yml", event="pull_request")
    assert ran.code == 1
    assert ran.ended["before the merge"] == "failure"
    place = f"prisma/migrations/{NAME}/migration.sql"
    assert ("error", place, 2) in [(one.level, one.file, one.line) for one in ran.annotations], ran.log[-3000:]
    assert f"| `{place}:2` | error |" in ran.summary
    assert "### Generated files are stale" in ran.summary
    assert "-edited by hand" in ran.summary


def test_a_mistake_in_deploy_yml_is_said_at_its_line(shop: Shop) -> None:
    text = (shop.folder / "deploy.yml").read_text(encoding="utf-8")
    (shop.folder / "deploy.yml").write_text(text.replace("health:\n", "health:\n  paht: /\n", 1), encoding="utf-8")
    line = text[: text.index("health:\n")].count("\n") + 2
    ran = shop.act.run("check.yml", event="pull_request")
    assert ran.code == 1
    assert ("error", "deploy.yml", line) in [(one.level, one.file, one.line) for one in ran.annotations]


def test_what_a_step_prints_right_before_it_fails_is_read_to_the_end(shop: Shop) -> None:
    (shop.folder / ".github/workflows/loud.yml").write_text(LOUD, encoding="utf-8")
    ran = shop.act.run("loud.yml")
    assert ran.ended["loud"] == "failure"
    assert [one.line for one in ran.annotations] == list(range(1, 2001))
