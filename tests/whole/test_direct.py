"""``./inv rollback`` begins without invoke; what it understands is what the task of the same name understands."""

import inspect
import os
import subprocess
from dataclasses import asdict, fields
from pathlib import Path

import pytest

import tasks
from pipeline.cli.direct import order_of
from pipeline.cli.release import rollback
from pipeline.emergency.access import RollbackOrder
from tests.processes import LONGEST

ROOT = Path(__file__).resolve().parent.parent.parent
NOBODY = "http://127.0.0.1:1"
AT_LENGTH = [
    *("--to", "dpl_1", "--project=prj", "--team", "team_x", "--domain", "a.example", "--health", "/up"),
    *("--api", NOBODY, "--target", "production", "--even-bad", "--break-glass", "--plan", "--json"),
]


def as_invoke_reads(words: list[str]) -> dict[str, object]:
    """What invoke's own parser makes of ``words`` after ``rollback``."""
    from invoke.parser import Parser

    context = Parser(contexts=tasks.namespace.to_contexts()).parse_argv(["rollback", *words])[0]
    return {name.replace("-", "_"): argument.value for name, argument in context.args.items()}


@pytest.mark.parametrize("words", [[], ["--plan"], ["--project", "prj", "--json"], AT_LENGTH])
def test_it_reads_what_invoke_reads(words: list[str]) -> None:
    order = order_of(words)
    assert order is not None
    assert asdict(order) == as_invoke_reads(words)


@pytest.mark.parametrize(
    "words",
    [
        *(["--help"], ["-p"], ["status"], ["--projet", "prj"], ["--project"], ["--project", ""], ["--project="]),
        *(["--to", "--plan"], ["--plan", "--plan"], ["--plan=no"], ["--to", "a", "--to", "b"], ["--no-plan"]),
    ],
)
def test_what_is_not_plain_is_left_to_invoke(words: list[str]) -> None:
    assert order_of(words) is None


def test_the_task_has_the_same_flags() -> None:
    signature = inspect.signature(rollback.body)
    flags = {name: one.default for name, one in signature.parameters.items() if name != "c"}
    assert flags == {field.name: field.default for field in fields(RollbackOrder)}


def run(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "VERCEL_TOKEN": "t0ken", "PYTHONPROFILEIMPORTTIME": "1"}
    command = [ROOT / "inv", "rollback", *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=LONGEST, check=False)


def test_it_loads_nothing_of_the_other_commands(tmp_path: Path) -> None:
    done = run("--project", "prj", "--team", "team_x", "--api", NOBODY, folder=tmp_path)
    assert done.returncode == 4, done.stdout + done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "pipeline.emergency.rollback" in loaded
    assert not {"invoke", "yaspin", "termcolor", "pydantic", "structlog", "tasks", "yaml"} & loaded


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        *((("--help",), 0, "--break-glass"), (("--projet", "x"), 2, "projet"), (("--project",), 2, "needed value")),
        *(
            (("dpl_1",), 2, "there is no command dpl_1"),
            (("--plan=no",), 2, "there is no command no"),
            (("--to", "--plan"), 2, "to"),
        ),
    ],
)
def test_help_and_mistakes_are_those_of_every_command(
    words: tuple[str, ...], code: int, says: str, tmp_path: Path
) -> None:
    done = run(*words, folder=tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr


def test_a_token_of_a_letter_garbles_nothing(tmp_path: Path) -> None:
    """Somebody tries it out with VERCEL_TOKEN=x."""
    done = subprocess.run(
        [ROOT / "inv", "rollback", "--project", "prj", "--api", NOBODY],
        cwd=tmp_path,
        env={**os.environ, "VERCEL_TOKEN": "t"},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.stdout.startswith("STRANDED (prj): the rollback is not proved"), done.stdout + done.stderr
