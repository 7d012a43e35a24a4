"""The processes of projects are forked from one that knows nothing; what one of them dies of is its own trouble."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.clients.nursery import Nursery
from pipeline.fleet.children import NURSERY, carry
from pipeline.fleet.ends import LOST, REFUSED, ProjectEnd
from tests.processes import LONGEST

ROOT = Path(__file__).resolve().parents[2]
DOES = {
    "tells": "print(json.dumps({'outcome': 'deployed', 'reason': json.dumps(told())}))",
    "asks": "line = socket.socket(fileno=int(os.environ[LINE])); line.sendall(b'{\"asks\": 21}\\n');"
    "print(json.dumps({'outcome': 'deployed', 'reason': line.recv(100).decode().strip()}))",
    "dies": "os.kill(os.getpid(), 9)",
    "refuses": "print('error: deploy.yml:3: wrong', file=sys.stderr); raise SystemExit(2)",
    "breaks": "1 / 0",
    "waits": "open('begun', 'w').close(); open('go').read(); print(json.dumps({'outcome': 'deployed'}))",
}
"""What a child does that was told the word."""
BEGIN = f"""
import json, os, signal, socket, stat, sys
sys.path[:0] = [{str(ROOT)!r}]
from pipeline.cli.nursery import LINE, serve
DOES = {DOES!r}
def told():
    return dict(os.environ, cwd=os.getcwd(), words=sys.argv, pid=os.getpid(),
                line=stat.S_ISSOCK(os.fstat(int(os.environ[LINE])).st_mode), session=os.getsid(0),
                open=sorted(int(one) for one in os.listdir('/dev/fd')), begun_with=open('/proc/self/environ').read()
                if os.path.exists('/proc/self/environ') else '')
serve(socket.socket(fileno=0), lambda: exec(DOES[sys.argv[1]]))
"""


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery((sys.executable, "-c", BEGIN))
    yield made
    made.close()


async def answered(asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return {"said": asked["asks"] * 2} if "asks" in asked else None


async def carried(nursery: Nursery, word: str, home: Path, **environment: str) -> ProjectEnd:
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    carrying = carry(nursery, ["inv", word], {**known, **environment}, home, answered)
    return await asyncio.wait_for(carrying, LONGEST)


def test_a_child_has_its_own_environment_folder_words_and_session_and_nothing_of_its_siblings(
    nursery: Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPS_VERCEL_TOKEN", "canary-of-the-worker")
    homes = [tmp_path / name for name in ("a", "b")]
    for home in homes:
        home.mkdir()

    async def both() -> list[ProjectEnd]:
        return await asyncio.gather(
            *(carried(nursery, "tells", one, VERCEL_TOKEN=f"canary-{one.name}") for one in homes)
        )

    for home, end in zip(homes, asyncio.run(both()), strict=True):
        told: dict[str, Any] = json.loads(end.reason)
        assert (end.outcome, told["VERCEL_TOKEN"], told["words"]) == (
            "deployed",
            f"canary-{home.name}",
            ["inv", "tells"],
        )
        assert Path(told["cwd"]).resolve() == home.resolve()
        assert told["session"] == told["pid"]
        assert "canary" not in told["begun_with"]
        assert [value for value in told.values() if "canary" in str(value)] == [f"canary-{home.name}"]
        line = int(told["FLEET_LINE"])
        assert "MALLOC_ARENA_MAX" not in told, "what the nursery itself knows"
        assert told["line"]
        assert len(set(told["open"]) - {0, 1, 2, line}) <= 1  # the folder that was listed


def test_a_child_that_is_killed_is_one_projects_trouble(nursery: Nursery, tmp_path: Path) -> None:
    async def all_of_them() -> list[ProjectEnd]:
        return await asyncio.gather(
            *(carried(nursery, word, tmp_path) for word in ("dies", "tells", "refuses", "breaks"))
        )

    dies, tells, refuses, breaks = asyncio.run(all_of_them())
    assert (dies.outcome, dies.reason) == (LOST, "its process ended with -9")
    assert tells.outcome == "deployed"
    assert (refuses.outcome, refuses.reason) == (REFUSED, "deploy.yml:3: wrong")
    assert (breaks.outcome, "ZeroDivisionError" in breaks.reason) == (LOST, True)


def test_a_child_asks_its_worker_on_its_line(nursery: Nursery, tmp_path: Path) -> None:
    assert json.loads(asyncio.run(carried(nursery, "asks", tmp_path)).reason) == {"said": 42}


def test_a_run_outlives_the_nursery_and_the_next_one_gets_another(nursery: Nursery, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")

    async def go() -> tuple[ProjectEnd, ProjectEnd]:
        waiting = asyncio.ensure_future(carried(nursery, "waits", tmp_path))
        while not (tmp_path / "begun").exists():
            await asyncio.sleep(0.01)
        process = nursery._process
        assert process
        process.send_signal(signal.SIGKILL)
        process.wait()
        after = await carried(nursery, "tells", tmp_path)
        await asyncio.to_thread((tmp_path / "go").write_text, "go")
        return await waiting, after

    waited, after = asyncio.run(go())
    assert (waited.outcome, after.outcome) == ("deployed", "deployed")


def test_a_nursery_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    nursery = Nursery((str(tmp_path / "nothing"),))
    end = asyncio.run(carried(nursery, "tells", tmp_path))
    assert (end.outcome, "cannot be started" in end.reason) == (LOST, True)


def test_what_is_imported_before_a_fork_knows_no_home_and_has_no_thread() -> None:
    asks = (
        "import sys, threading; sys.path[:0] = [sys.argv.pop(1)]; from pipeline.cli import nursery; nursery.preload();"
        "print('pipeline.cli.terminal' in sys.modules, threading.active_count(), "
        "'pipeline.engine.runner' in sys.modules,"
        "len([one for one in __import__('os').listdir('/proc/self/task')] if sys.platform == 'linux' else [0]))"
    )
    said = subprocess.run([sys.executable, "-P", "-c", asks, str(ROOT)], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "1", "True", "1"]


def test_a_missing_extra_is_the_projects_to_say_and_no_reason_to_fork_nothing() -> None:
    asks = (
        "import sys; sys.path[:0] = [sys.argv.pop(1)]; sys.modules['obstore'] = None;"
        "from pipeline.cli import nursery; nursery.preload(); print('ready')"
    )
    said = subprocess.run([sys.executable, "-P", "-c", asks, str(ROOT)], capture_output=True, text=True, check=True)
    assert said.stdout == "ready\n"


def test_the_nursery_carries_a_project_as_the_command_does(tmp_path: Path) -> None:
    async def go() -> tuple[ProjectEnd, ProjectEnd]:
        nursery = Nursery((sys.executable, "-P", "-c", NURSERY, str(ROOT)))
        words = ["inv", "--home", str(tmp_path), "fleet.carry", "--run=o.shop", "--lock-wait=1s"]
        try:
            first = await carry(nursery, words, {"PATH": os.environ["PATH"]}, tmp_path, answered)
            (tmp_path / "deploy.yml").write_text("source: {repository: acme/lms}\ntargets: {sandbox: {kind: odd}}\n")
            return first, await carry(nursery, words, {"PATH": os.environ["PATH"]}, tmp_path, answered)
        finally:
            nursery.close()

    missing, wrong = asyncio.run(go())
    assert (missing.outcome, "deploy.yml: is in neither" in missing.reason) == (REFUSED, True)
    assert (wrong.outcome, "deploy.yml:2: targets.sandbox.kind" in wrong.reason) == (REFUSED, True)
