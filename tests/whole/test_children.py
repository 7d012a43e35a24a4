"""Every process that is started is asked what it knows: of all secrets only those that it is started for."""

import asyncio
import contextlib
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checks.evidence import Release
from pipeline.cli import test as testing
from pipeline.clients import git
from pipeline.clients.address import address_of
from pipeline.clients.pgtools import PostgresTools, Tools
from pipeline.clock import SystemClock
from pipeline.commands import build, prove
from pipeline.config import load
from pipeline.drills.world import Stagehand
from pipeline.errors import Mistake, ServiceError
from pipeline.sandbox.launch import attach, reset
from pipeline.session import looking
from pipeline.world.opening import open_settings, open_world
from pipeline.world.secrets import OPTIONAL, SECRETS, STATE
from tests.stage import filled_in

ROOT = Path(__file__).resolve().parents[2]
OTHERS = (
    "STRIPE_SECRET_KEY", "DATABASE_URL", "PGPASSWORD", "NPM_TOKEN", "npm_config__authToken", "AWS_SECRET_ACCESS_KEY",
    "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_ENV", "GITHUB_OUTPUT", "SCRATCH_URL",
    "GIT_CONFIG_VALUE_0", "VERCEL_OIDC_TOKEN",
)  # fmt: skip
NAMES = (*SECRETS, *OPTIONAL, STATE, *OTHERS)
ADDRESS = "postgresql://app:canary-{}@127.0.0.1:9/lms"
STUBS = ("git", "ssh-keygen", "npm", "node", "vercel", "prisma", "pg_dump", "pg_restore", "chromium", "python")
PRINTS = '#!/bin/sh\ncat /proc/$$/environ > "{folder}/${{0##*/}}.environ"\nexit {code}\n'


class Children:
    """Programs that write down the environment they were started with, and what each was found to know."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in STUBS:
            self.make(name)

    def make(self, name: str, code: int = 0) -> Path:
        path = self.folder / name
        path.write_text(PRINTS.format(folder=self.folder, code=code))
        path.chmod(0o755)
        return path

    def knew(self, name: str) -> set[str]:
        """The names of the canaries in what the program was started with, which must not be empty."""
        return canaries(self.told(name), self.folder)

    def told(self, name: str) -> str:
        """The environment the program was started with, a line each."""
        return (self.folder / f"{name}.environ").read_text().replace("\0", "\n")


def canaries(environ: str, folder: Path) -> set[str]:
    assert "PATH=" in environ
    assert environ.count("canary") == sum(environ.count(f"canary-{name}") for name in NAMES), (
        f"an unknown one, {folder}"
    )
    return {name for name in NAMES if f"canary-{name}" in environ}


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Children:
    made = Children(tmp_path / "programs")
    monkeypatch.setenv("PATH", f"{made.folder}:{os.environ['PATH']}")
    for name in NAMES:
        monkeypatch.setenv(name, f"canary-{name}")
    for name in ("DIRECT_URL", "DATABASE_URL", STATE):
        monkeypatch.setenv(name, ADDRESS.format(name))
    monkeypatch.setenv("R2_ENDPOINT", "https://canary-R2_ENDPOINT.example")
    monkeypatch.setenv("UPSTASH_REDIS_REST_URL", "https://canary-UPSTASH_REDIS_REST_URL.example")
    return made


def in_production(root: Path, act: Callable[[Any], Any]) -> None:
    """Do ``act`` with the world of a real target, opened with all that the environment has."""
    config = filled_in()

    async def go() -> None:
        with open_settings(config, "production", root) as settings:
            async with open_world(settings, Release("c" * 40, str(root), ""), "r1", SystemClock()) as world:
                with contextlib.suppress(ServiceError):
                    await act(world)

    asyncio.run(go())


def test_git_and_the_keys_know_none(children: Children, tmp_path: Path) -> None:
    assert git.asked(tmp_path, ["status"]) == ""
    assert git.ssh_keygen(["-Y", "sign"], "text")[0] == 0
    assert (children.knew("git"), children.knew("ssh-keygen")) == (set(), set())


def test_the_vercel_command_knows_its_token_and_the_others_nothing(children: Children, tmp_path: Path) -> None:
    in_production(tmp_path, lambda world: world.vercel_command.run("vercel", ["whoami"], tmp_path, {}, print))
    assert children.knew("vercel") == {"VERCEL_TOKEN"}


def test_prismas_command_knows_the_database_and_nothing_else(children: Children, tmp_path: Path) -> None:
    url = ADDRESS.format("DIRECT_URL")
    in_production(tmp_path, lambda world: world.prisma.deploy("prisma", tmp_path, url, print))
    assert children.knew("prisma") == {"DIRECT_URL"}


def test_the_browser_knows_none(children: Children, tmp_path: Path) -> None:
    in_production(tmp_path, lambda world: world.browser.load("http://127.0.0.1:9/"))
    assert children.knew("chromium") == set()


def test_the_tools_of_postgres_know_the_database_they_are_for(children: Children, tmp_path: Path) -> None:
    tools, address = PostgresTools([children.folder]), address_of(ADDRESS.format("DIRECT_URL"))
    with contextlib.suppress(OSError):  # the stub leaves no dump behind
        asyncio.run(tools.dump(Tools(children.folder, 17), address, tmp_path / "dump"))
    asyncio.run(tools.restore(Tools(children.folder, 17), tmp_path / "dump", address))
    assert (children.knew("pg_dump"), children.knew("pg_restore")) == ({"DIRECT_URL"}, {"DIRECT_URL"})


def test_the_build_knows_none_but_what_deploy_yml_names(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (ROOT / "deploy.yml").read_text(encoding="utf-8")
    (tmp_path / "deploy.yml").write_text(
        text.replace("\nbuild:\n", "\nbuild:\n  environment: [NPM_TOKEN, VERCEL_TOKEN]\n")
    )
    (tmp_path / ".vercel").mkdir()
    (tmp_path / ".vercel/project.json").write_text("{}")
    monkeypatch.setattr(build, "STAMP", tmp_path / "never.json")  # so that the tools are installed first, by the stub
    build.output(load(tmp_path / "deploy.yml"), build.Built("production", tmp_path), print)
    assert (children.knew("npm"), children.knew("node")) == (set(), {"NPM_TOKEN"})
    build.output(filled_in(), build.Built("production", tmp_path), print)
    assert children.knew("node") == set()


def test_pulling_the_variables_knows_the_token_alone(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ids(settings: Any) -> dict[str, str]:
        return {"VERCEL_ORG_ID": "team_1", "VERCEL_PROJECT_ID": "prj_1"}

    monkeypatch.setattr(build, "_ids", ids)
    monkeypatch.setattr(build, "install_tools", lambda out, home: None)
    build.pull(filled_in(), build.Built("production", tmp_path), tmp_path, print)
    assert children.knew("node") == {"VERCEL_TOKEN"}


def test_a_bisection_tells_the_teams_own_test_which_deployment_and_no_secret(children: Children) -> None:
    one = SimpleNamespace(url="https://one.example", id="dpl_1", commit="c" * 40)
    assert asyncio.run(looking._run(str(children.make("python", 125)), one)) == ("skip", "exit 125")  # type: ignore[arg-type]
    assert children.knew("python") == set()
    said = children.told("python")
    assert "URL=https://one.example\n" in said
    assert "DEPLOYMENT=dpl_1\n" in said


def test_the_tests_of_this_project_know_none(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(children.folder / "python"))
    testing.test.body(None, k="x")
    assert children.knew("python") == set()
    (children.folder / "python.environ").unlink()
    with pytest.raises(Mistake, match="no command could be typed"):
        prove._commands(print)
    assert children.knew("python") == set()


def test_a_drills_deployment_knows_none(children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(children.folder / "python"))
    hand = Stagehand(filled_in(), tmp_path, ROOT / "deploy.yml", {}, _Empty(), print)
    with pytest.raises(Mistake, match="ended before"):
        hand._ship_and_kill("good")
    assert children.knew("python") == set()


class _Empty:
    """A record in which nothing was written down yet."""

    def execute(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return []

    def now(self) -> None:
        return None

    def close(self) -> None: ...


@pytest.mark.process
def test_the_sandboxs_server_and_its_database_know_none(children: Children, tmp_path: Path) -> None:
    home = tmp_path / "sandbox"
    home.mkdir(mode=0o755)
    try:
        with attach(home) as running:
            assert stat.S_IMODE(home.stat().st_mode) == 0o700
            pids = [int(running["pid"]), *_below(int(running["pid"]))]
            assert len(pids) > 1, "its Postgres is a child of it"
            for pid in pids:
                environ = Path(f"/proc/{pid}/environ").read_bytes().replace(b"\0", b"\n").decode()
                assert not canaries(environ or "PATH=", children.folder), Path(f"/proc/{pid}/cmdline").read_bytes()
    finally:
        reset(home)


def _below(pid: int) -> list[int]:
    """The processes that the process ``pid`` started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            number, parent = int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])
            found += [number] if parent == pid else []
    return found
