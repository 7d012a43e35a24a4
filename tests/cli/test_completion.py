"""What Tab completes, asked of the functions and of a real bash."""

import copy
import datetime
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import tasks
from pipeline.cli.completion import completed, completion_script, runs_of, targets_of
from pipeline.home import ASKED
from pipeline.record.journal import Journal
from pipeline.record.sqlite import SqliteStore
from pipeline.redact import Redactor
from tests.processes import LONGEST

ROOT = Path(__file__).resolve().parents[2]
CONTEXTS = {context.name: context for context in copy.deepcopy(tasks.namespace).to_contexts()}
"""Of a copy: Invoke takes the words of help out of a task as it reads them."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two targets and a record of two runs."""
    (tmp_path / "deploy.yml").write_text("targets: {here: {kind: sandbox}, there: {kind: production}}\n")
    store = SqliteStore(tmp_path / ".runs/journal.db")
    for minute, run in enumerate(("r1", "r2")):
        at = datetime.datetime(2026, 11, 2, 10, minute, tzinfo=datetime.UTC)
        Journal(store, run, lambda at=at: at, Redactor()).append("run begins")  # type: ignore[misc]
    store.close()
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["dep"], ["deploy"]),
        (["drill"], ["drill."]),
        (["drill.si"], ["drill.sign-in-broken", "drill.site-down"]),
        (["chec"], ["check."]),
        (["deploy", "--ta"], ["--target"]),
        (["deploy", "--target", ""], ["here", "there"]),
        (["deploy", "-t", "t"], ["there"]),
        (["deploy", "--target=th"], ["--target=there"]),
        (["deploy", "--from=x"], []),
        (["deploy", "--resume", ""], ["r2", "r1"]),
        (["report", ""], ["latest", "r2", "r1"]),
        (["--home", "x", "report", "la"], ["latest"]),
        (["history", "--outcome", "b"], ["blocked"]),
        (["help", "roll"], ["rollback"]),
        (["--list", "dr"], ["drill"]),
        (["--print-completion-script", "b"], ["bash"]),
        (["deploy", "--from", ""], []),
        (["nothing", ""], []),
    ],
)
def test_tab_offers_what_may_stand_there(home: Path, typed: list[str], offered: list[str]) -> None:
    assert completed(typed, home, CONTEXTS) == offered


def test_a_flag_that_was_said_is_not_offered_again(home: Path) -> None:
    assert "--json" in completed(["deploy", "-"], home, CONTEXTS)
    assert "--json" not in completed(["deploy", "--json", "-"], home, CONTEXTS)


@pytest.mark.parametrize("text", ["", "targets: [", "targets: 3", "- a"])
def test_a_home_that_cannot_be_read_has_nothing_to_offer(tmp_path: Path, text: str) -> None:
    (tmp_path / "deploy.yml").write_text(text)
    (tmp_path / ".runs").mkdir()
    (tmp_path / ".runs/journal.db").write_text("no record")
    assert (targets_of(tmp_path), runs_of(tmp_path)) == ((), ("latest",))


def test_the_script_asks_this_tool_and_never_what_lies_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b/inv").touch()
    assert f"'{tmp_path}/a b/inv' {ASKED}" in completion_script("bash", "./inv", tmp_path / "a b")
    assert f"$(deploy-runbook {ASKED}" in completion_script("bash", "deploy-runbook", tmp_path)


def asked_of(command: list[str], home: Path) -> "subprocess.CompletedProcess[str]":
    """A shell that has nothing of whoever runs the tests, in ``home``."""
    own = {"HOME": str(home), "TERM": "dumb", "XDG_CONFIG_HOME": str(home), "XDG_DATA_HOME": str(home)}
    return subprocess.run(
        command, cwd=home, env=os.environ | own, capture_output=True, text=True, timeout=LONGEST, check=False
    )


@pytest.mark.process
@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_completes(home: Path) -> None:
    asks = f"""
        eval "$({ROOT}/inv --print-completion-script bash)"
        complete -p inv deploy-runbook >/dev/null || exit 1
        tab() {{
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
            _complete_deploy_runbook 2>/dev/null
            echo "${{COMPREPLY[*]}}"
        }}
        tab ./inv dep
        tab ./inv deploy --target = th
        tab ./inv follow r
    """
    done = asked_of(["bash", "-c", asks], home)
    assert (done.returncode, done.stdout.split("\n")[:3]) == (0, ["deploy", "there", "r2 r1"]), done.stderr


ZSH = """
    zmodload zsh/zpty || exit 3
    zpty z zsh -f -i
    zpty -w z 'PS1=; eval "$({inv} --print-completion-script zsh)"; eval "$({inv} --print-completion-script zsh)"'
    zpty -w z 'tab() {{ zle complete-word; print -r -- "<""$BUFFER"">"; BUFFER= }}; zle -N tab; bindkey "^X" tab'
    zpty -w z 'print REA""DY'
    zpty -r -m z line '*READY*'
    for typed in 'inv dril' './inv deploy --target th' 'inv deploy --target=th' 'deploy-runbook follow la' \\
        'inv deploy --from {home}/dep'
    do
        zpty -w -n z "$typed"$'\\C-x'
        zpty -r -m z line $'*<*>*'
        print -r -- "${{${{line##*<}}%%>*}}|"
    done
    zpty -d z
"""


@pytest.mark.process
@pytest.mark.skipif(not shutil.which("zsh"), reason="there is no zsh")
def test_zsh_completes(home: Path) -> None:
    done = asked_of(["zsh", "-f", "-c", ZSH.format(inv=ROOT / "inv", home=home)], home)
    if done.returncode == 3:
        pytest.skip("this zsh has no zpty")
    assert done.stdout.split("|\n") == [
        "inv drill.",
        "./inv deploy --target there ",
        "inv deploy --target=there ",
        "deploy-runbook follow latest ",
        f"inv deploy --from {home}/deploy.yml ",
        "",
    ], done.stderr


@pytest.mark.process
@pytest.mark.skipif(not shutil.which("fish"), reason="there is no fish")
def test_fish_completes(home: Path) -> None:
    asks = f"""
        {ROOT}/inv --print-completion-script fish | source
        for typed in "inv dril" "./inv dep" "inv deploy --target th" "inv deploy --target=th" \\
                "inv deploy --from {home}/dep"
            string join -- " " (complete -C $typed | string replace -r "\\t.*" "")
        end
    """
    done = asked_of(["fish", "--no-config", "-c", asks], home)
    assert done.stdout.split("\n") == [
        "drill.",
        "deploy",
        "there",
        "--target=there",
        f"{home}/deploy.yml",
        "",
    ], done.stderr


@pytest.mark.process
def test_no_shell_of_ours_is_exit_2(home: Path) -> None:
    asked = [ROOT / "inv", "--print-completion-script", "cmd"]
    done = subprocess.run(asked, cwd=home, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert (done.returncode, "knows bash, zsh, fish" in done.stderr) == (2, True)
