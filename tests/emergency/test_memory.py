"""What a rollback knows of earlier ones, and where it writes itself down: here, in the shared record, or it says so."""

import asyncio
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline.clients.vercelshapes import Deployment
from pipeline.emergency import memory as memories
from pipeline.emergency import rollback
from pipeline.emergency.access import Access, RollbackOrder
from pipeline.emergency.memory import Memory
from pipeline.emergency.rollback import rollback_now
from pipeline.errors import Broken
from pipeline.record import bounded
from pipeline.record.journal import known_bad, taken_back
from pipeline.record.store import open_store
from pipeline.signals import restored
from tests.processes import LONGEST
from tests.stage import ROOT, InProcess


def access(state: str = "") -> Access:
    return Access("production", "https://api", "t0ken", "team_lms", "lms", "lms.example.com", "/", state=state)


def target(id: str = "dpl_good") -> Deployment:
    return Deployment(id, "https://x", "READY", "", "production", "a" * 40, 1, (), "", {})


def write(memory: Memory, bad: str = "dpl_bad") -> str:
    return memory.write("lms.example.com", target(), bad, "b" * 40, "taken back by hand")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is busy with other work is no silent record."""
    monkeypatch.setattr(memories, "PATIENCE", LONGEST)
    monkeypatch.setattr(bounded, "DEADLINE", float(LONGEST))


@pytest.mark.usefixtures("patient")
def test_the_shared_record_is_read_and_written_from_a_fresh_checkout(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_STATE", database_url)
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    assert write(Memory(access("DEPLOY_STATE"), here)) == ""
    assert Memory(access("DEPLOY_STATE"), elsewhere).bad() == (frozenset({"dpl_bad"}), ())
    assert not (here / ".runs").exists(), "it is where the others look, so not here, too"
    assert [bad.deployment for bad in known_bad(open_store(database_url, here))] == ["dpl_bad"]


@pytest.mark.usefixtures("patient")
def test_a_variable_of_the_env_file_names_the_shared_record(tmp_path: Path, database_url: str) -> None:
    (tmp_path / ".env").write_text(f"DEPLOY_STATE={database_url}\n", encoding="utf-8")
    assert write(Memory(access("DEPLOY_STATE"), tmp_path)) == ""
    assert taken_back(open_store(database_url, tmp_path)) == {"dpl_bad"}


def test_a_shared_record_that_does_not_answer_costs_two_seconds_and_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("DEPLOY_STATE", f"postgresql://u:s3cret@127.0.0.1:{port}/x")
        memory = Memory(access("DEPLOY_STATE"), tmp_path)
        began = time.monotonic()
        bad, unknown = memory.bad()
        assert bad == frozenset()
        assert "the shared record was not read (no answer in 2 s)" in unknown[0]
        said = write(memory)
        assert time.monotonic() - began < 8
    assert "written down in this checkout only" in said
    assert "s3cret" not in said + unknown[0]
    assert taken_back(open_store("", tmp_path)) == {"dpl_bad"}


def test_a_record_that_is_named_and_not_set_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEPLOY_STATE", raising=False)
    memory = Memory(access("DEPLOY_STATE"), tmp_path)
    assert "deploy.yml: state: names DEPLOY_STATE, which is not set" in memory.bad()[1][0]
    assert "DEPLOY_STATE, which is not set" in write(memory)
    assert taken_back(open_store("", tmp_path)) == {"dpl_bad"}


def test_a_file_that_somebody_else_writes_to_delays_nothing(tmp_path: Path) -> None:
    write(Memory(access(), tmp_path), "dpl_old")
    holder: Any = sqlite3.connect(tmp_path / ".runs/journal.db", isolation_level=None)
    holder.execute("begin exclusive")
    began = time.monotonic()
    said = write(Memory(access(), tmp_path))
    assert time.monotonic() - began < 6
    assert "the record of this checkout was not written" in said
    holder.execute("rollback")
    holder.close()


def ordered(inside: InProcess, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """The exit code of a rollback by its command's function, and what it printed."""
    at, said = inside.settings, list[str]()
    monkeypatch.setenv("VERCEL_TOKEN", at.secrets["VERCEL_TOKEN"])
    monkeypatch.chdir(folder)
    order = RollbackOrder(project=at.project, team=at.team, domain=at.domain, api=at.services.vercel)
    with restored():
        code = rollback_now(order, folder, folder / "deploy.yml", said.append)
    return code, "\n".join(said)


class InHand(httpx.AsyncBaseTransport):
    """The sandbox, until the rollback was asked for; then whatever ``then`` does."""

    def __init__(self, inner: httpx.AsyncBaseTransport, then: Callable[[], None]) -> None:
        self._inner, self._then = inner, then

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if "/rollback/" in request.url.path:
            self._then()
        return await self._inner.handle_async_request(request)


@pytest.mark.parametrize("how", ["interrupted", "bug"])
def test_what_was_asked_for_and_not_proved_is_exit_4_and_in_the_record(
    inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    inside.deploy()
    live = inside.serves()

    def stop() -> None:
        if how == "bug":
            raise ZeroDivisionError("oops")
        for task in asyncio.all_tasks():  # as Ctrl-C does, to whatever runs
            task.cancel()

    def client(api: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=InHand(inside.wire, stop))

    monkeypatch.setattr(rollback, "client", client)
    home = tmp_path / "home"
    home.mkdir()
    code, said = ordered(inside, home, monkeypatch)
    assert code == 4
    assert "nobody knows yet whether it did" in said
    assert f"./inv rollback --project {inside.settings.project}" in said
    assert taken_back(open_store("", home)) == {live}


def test_interrupted_after_it_was_proved_it_stays_proved(
    inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while it only says what else went back: production is back, and the exit code says so."""
    inside.deploy()
    live = inside.serves()

    async def interrupted(*given: object, **more: object) -> None:
        for task in asyncio.all_tasks():
            task.cancel()
        await asyncio.sleep(0)

    monkeypatch.setattr(rollback, "_say_what_else", interrupted)
    monkeypatch.setattr(rollback, "SystemClock", lambda: inside.clock)
    monkeypatch.setattr(rollback, "client", lambda api: httpx.AsyncClient(transport=inside.wire))
    home = tmp_path / "home"
    home.mkdir()
    code, said = ordered(inside, home, monkeypatch)
    assert code == 0, said
    assert "ROLLED BACK" in said
    assert "nobody knows" not in said
    store = open_store("", home)
    assert taken_back(store) == {live}
    assert [bad.reason for bad in known_bad(store)] == [f"taken back by hand; {inside.serves()} serves instead"]


def test_a_bug_after_it_was_proved_keeps_the_exit_code_and_is_in_a_file(
    inside: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside.deploy()
    live = inside.serves()

    def broken(*given: object, **more: object) -> str:
        raise ZeroDivisionError(f"oops, {inside.settings.secrets['VERCEL_TOKEN']}")

    monkeypatch.setattr(rollback, "_said", broken)
    monkeypatch.setattr(rollback, "SystemClock", lambda: inside.clock)
    monkeypatch.setattr(rollback, "client", lambda api: httpx.AsyncClient(transport=inside.wire))
    with pytest.raises(Broken, match=r"ZeroDivisionError: oops(.|\n)*debug-") as caught:
        ordered(inside, tmp_path, monkeypatch)
    assert caught.value.code == 0
    (file,) = (tmp_path / ".runs").glob("debug-*.txt")
    assert inside.settings.secrets["VERCEL_TOKEN"] not in str(caught.value) + file.read_text(encoding="utf-8")
    assert taken_back(open_store("", tmp_path)) == {live}


def test_a_name_that_nobody_looks_up_delays_no_word(tmp_path: Path) -> None:
    """A name server that does not answer: the look-up goes on in a thread, which nobody may wait for at the end."""
    script = """
import socket, sys, time
from pathlib import Path
from pipeline.emergency import steps
from pipeline.emergency.access import RollbackOrder
from pipeline.emergency.rollback import rollback_now
steps.LOOKED = 1.0
socket.getaddrinfo = lambda *given, **more: time.sleep(3600)
sys.exit(rollback_now(RollbackOrder(project="prj", api="https://api.invalid"), Path(), Path("deploy.yml"), print))
"""
    words = [sys.executable, "-c", script]
    env = {**os.environ, "VERCEL_TOKEN": "t0ken-t0ken", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 4, done.stderr
    assert "did not say within 1 s" in done.stdout
