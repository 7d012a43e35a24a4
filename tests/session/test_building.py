"""``./inv build``: of the project that deploy.yml names, with fresh variables, and nothing secret on a command line."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands import build
from pipeline.commands.build import Built, output, pull
from pipeline.config import Config
from pipeline.config.tools import pinned_vercel
from pipeline.errors import Mistake
from pipeline.world.secrets import OPTIONAL, SECRETS, STATE
from tests.stage import filled_in

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "secret-of-vercel"
HANDED_ON = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "ACTIONS_RUNTIME_TOKEN")
"""What a step of a job speaks to the later ones with, which hold secrets."""


class Called:
    """Stands in for the processes that would be started: what they were told, and what they leave behind."""

    def __init__(self, folder: Path, code: int = 0, variables: str = "") -> None:
        self.folder, self.code, self.variables = folder, code, variables
        self.words: list[str] = []
        self.environment: Mapping[str, str] = {}
        self.found: list[str] = []

    def __call__(self, words: list[str], folder: Path, seconds: float, environment: Mapping[str, str]) -> int:
        self.words, self.environment = words, environment
        self.found = sorted(path.name for path in (folder / ".vercel").iterdir())
        if "pull" in words and not self.code:
            (folder / ".vercel/project.json").write_text("{}", encoding="utf-8")
            (folder / ".vercel/.env.production.local").write_text(self.variables, encoding="utf-8")
        return self.code


@pytest.fixture
def config() -> Config:
    return filled_in()


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app that is linked to another project, with the variables of last week and a build of last week."""
    for name in (*SECRETS, *OPTIONAL, STATE):
        monkeypatch.setenv(name, f"canary-{name}")
    monkeypatch.setenv("VERCEL_TOKEN", TOKEN)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "canary-of-somebody-else")
    for name in HANDED_ON:
        monkeypatch.setenv(name, "/handed-on")
    monkeypatch.setattr(build, "install_tools", lambda out, home: None)
    monkeypatch.setattr(build.shutil, "which", lambda name: f"/usr/bin/{name}")  # no process is really started here

    async def ids(session: Any) -> dict[str, str]:
        return {"VERCEL_ORG_ID": "team_1", "VERCEL_PROJECT_ID": "prj_1"}

    monkeypatch.setattr(build, "_ids", ids)
    folder = tmp_path / "learning-app"
    (folder / ".vercel/output").mkdir(parents=True)
    (folder / ".vercel/output/config.json").write_text("{}")
    (folder / ".vercel/project.json").write_text(json.dumps({"projectId": "prj_other", "orgId": "team_other"}))
    (folder / ".vercel/.env.production.local").write_text('LEAKED_KEY="removed on Vercel since"\n')
    return folder


def pulled(app: Path, config: Config, monkeypatch: pytest.MonkeyPatch, called: Called) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(build, "run_here", called)
    pull(config, Built("production", app), app, said.append)
    return said


def test_variables_are_pulled_of_the_named_project_into_a_fresh_file(
    app: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command adds to what it finds, so a key that leaked and was removed would be built in again."""
    called = Called(app)
    pulled(app, config, monkeypatch, called)
    assert called.words[2:] == ["pull", "--yes", "--environment=production"]
    assert called.found == ["output"], "neither the link nor the old variables are there any more"
    assert (called.environment["VERCEL_ORG_ID"], called.environment["VERCEL_PROJECT_ID"]) == ("team_1", "prj_1")


def test_the_token_is_in_no_command_line_and_the_other_secrets_are_nowhere(
    app: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = Called(app)
    said = pulled(app, config, monkeypatch, called)
    assert TOKEN not in " ".join([*called.words, *said])
    assert called.environment["VERCEL_TOKEN"] == TOKEN
    assert "canary-" not in str(called.environment)


def test_a_sensitive_variable_that_nobody_can_pull_is_named(
    app: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = 'STRIPE_KEY="[SENSITIVE]"\nOTHER="good"\nSIGNING="[SENSITIVE]"\n'
    said = pulled(app, config, monkeypatch, Called(app, variables=variables))
    assert [line.partition(":")[0] for line in said if "is sensitive" in line] == ["STRIPE_KEY", "SIGNING"]


def test_the_build_is_given_no_secret_no_later_step_and_nothing_older(
    app: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = Called(app)
    monkeypatch.setattr(build, "run_here", called)
    output(config, Built("production", app), lambda line: None)
    assert called.words[2:] == ["build", "--yes", "--prod"]
    assert "output" not in called.found, "of a build that fails nothing older may be shipped"
    assert not {TOKEN, "/handed-on"} & set(called.environment.values())
    assert "canary-" not in str(called.environment)


def test_a_preview_is_pulled_and_built_as_one(app: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    called = Called(app)
    monkeypatch.setattr(build, "run_here", called)
    pull(config, Built("preview", app), app, lambda line: None)
    assert called.words[2:] == ["pull", "--yes", "--environment=preview"]
    output(config, Built("preview", app), lambda line: None)
    assert called.words[2:] == ["build", "--yes"]


def test_a_command_that_fails_a_folder_that_is_not_there_and_another_pin_are_said(
    app: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Mistake, match="vercel pull ended with 1"):
        pulled(app, config, monkeypatch, Called(app, code=1))
    (app / ".vercel/project.json").unlink(missing_ok=True)
    with pytest.raises(Mistake, match=r"no \.vercel/project\.json; \./inv build\.pull fetches it"):
        output(config, Built("production", app), lambda line: None)
    with pytest.raises(Mistake, match="there is no such folder"):
        Built("production", app / "nowhere")
    (app / "deploy.yml").write_text(
        (ROOT / "deploy.yml").read_text(encoding="utf-8").replace("  # version: another", "  version: 1.2.3 # another")
    )
    with pytest.raises(Mistake, match=rf"build.version: is 1\.2\.3, but .*package-lock\.json has {pinned_vercel()}"):
        pull(filled_in(app / "deploy.yml"), Built("production", app), app, lambda line: None)
