"""A project whose home is in a repository, in whole processes: deployed twice, taken back, and its record found."""

import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.fleet.example import PROJECT
from pipeline.fleet.place import PROGRAM
from pipeline.sandbox.launch import attach, reset
from pipeline.world.sandbox import open_directly
from tests.fleet.test_checkouts import Upstream
from tests.fleet.test_whole import BEGIN, ROOT
from tests.processes import LONGEST

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(not shutil.which("git"), reason="there is no git"),
]


class ShopAtWork:
    """A fleet of one shop in a repository, in the sandbox; its commands as processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "fleet"
        self.upstream = Upstream(folder / "upstream")
        self.upstream.commit(PROJECT)
        self.state = self.folder / ".fleet/homes/shop/state"
        self.state.mkdir(parents=True)
        (self.folder / ".fleet/worlds.json").write_text(json.dumps([str(self.state)]), encoding="utf-8")
        home = f"{{repository: 'file://{self.upstream.folder}', ref: main, folder: apps/shop}}"
        (self.folder / "fleet.yml").write_text(f"projects: {{shop: {{home: {home}}}}}\n", encoding="utf-8")

    def run(self, *words: str, home: Path | None = None) -> str:
        command = [sys.executable, "-P", "-c", BEGIN, str(ROOT), "--home", str(home or self.folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def serves(self) -> str:
        described = json.loads((self.state / ".sandbox/running.json").read_text(encoding="utf-8"))
        request = urllib.request.Request(described["urls"]["production"] + "/api/health/db")
        with open_directly(request, 30) as answer:
            return str(answer.headers["x-deployment-id"])


@pytest.fixture
def work(tmp_path: Path, cluster: Path) -> Iterator[ShopAtWork]:
    made = ShopAtWork(tmp_path)
    with attach(made.folder / ".fleet", timeout=120, program=PROGRAM):
        yield made
    reset(made.folder / ".fleet")


def test_a_shop_in_a_repository_is_deployed_at_its_newest_commit_and_goes_back(work: ShopAtWork) -> None:
    first = json.loads(work.run("fleet.plan", "--json"))["commits"]["shop"]
    work.run("fleet.deploy")
    served = work.serves()
    second = work.upstream.commit(PROJECT + "# more\n")
    work.run("fleet.deploy")
    assert work.serves() != served
    homes = work.folder / ".fleet/homes/shop"
    shutil.rmtree(homes / first)  # nothing of what happened there is lost
    history = work.run("history", "--json", home=homes / "now")
    assert [(one["outcome"], one["target"]) for one in json.loads(history)] == [("deployed", "sandbox")] * 2
    assert (homes / "now").resolve() == homes / second / "apps/shop"
    shutil.rmtree(work.upstream.folder)
    assert "rolled back" in work.run("fleet.rollback")
    assert work.serves() == served
    assert "rolled back" in work.run("fleet.status")
