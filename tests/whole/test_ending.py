"""The exit code says what became of production, whatever happens to the process's signals and to its output."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.cli import terminal
from pipeline.cli.output import Steadfast
from pipeline.record.journal import taken_back
from pipeline.record.store import open_store
from pipeline.redact import Redactor
from pipeline.session.deploy import _broken
from pipeline.signals import heed, restored
from tests.processes import LONGEST
from tests.scripted import Scripted, journal_in, stages
from tests.whole.test_process import Checkout, Up, checkout, until_stage, up

__all__ = ["checkout", "up"]
FULL = Path("/dev/full")


@pytest.mark.process
def test_two_signals_at_once_and_more_until_it_ends_are_one(checkout: Checkout, up: Up) -> None:
    before = up.serves()
    checkout.pace(watch={"during": LONGEST, "patience": 1, "every": 0.2})
    started = checkout.start("deploy")
    until_stage(started, "watch")
    numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
    while started.poll() is None:  # also after the run has ended, and while Python ends
        started.send_signal(numbers[0])
        numbers = numbers[1:] + numbers[:1]
        time.sleep(0.002)
    assert started.returncode == 3
    assert up.serves() == before


def rolling(checkout: Checkout, said: str) -> "subprocess.Popen[str]":
    """A rollback by hand that has just ``said`` this."""
    started = checkout.start("rollback", "--target", "sandbox")
    assert started.stdout
    assert any(said in line for line in started.stdout)
    return started


@pytest.mark.process
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_rollback_that_is_interrupted_again_and_again_is_not_proved_and_says_so(
    checkout: Checkout, up: Up, kind: signal.Signals
) -> None:
    checkout.run("deploy")
    left = up.serves()
    up.fault("vercel never-finishes POST */rollback/*")
    started = rolling(checkout, "requested")
    while started.poll() is None:
        started.send_signal(kind)
        time.sleep(0.01)
    out, err = started.communicate(timeout=LONGEST)
    assert started.returncode == 4, out + err
    assert "nobody knows yet whether it did" in out
    assert err == ""
    assert taken_back(open_store("", checkout.folder)) == {left}, "it is in the record"


@pytest.mark.process
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_rollback_that_is_proved_stays_so_whatever_signal_comes(
    checkout: Checkout, up: Up, kind: signal.Signals
) -> None:
    before = up.serves()
    checkout.run("deploy")
    started = rolling(checkout, "ROLLED BACK")
    while started.poll() is None:
        started.send_signal(kind)
        time.sleep(0.01)
    assert started.returncode == 0, started.stderr and started.stderr.read()
    assert up.serves() == before


@pytest.mark.process
def test_a_terminal_that_is_gone_does_not_end_a_rollback(checkout: Checkout, up: Up) -> None:
    before = up.serves()
    checkout.run("deploy")
    left = up.serves()
    started = rolling(checkout, "requested")
    assert started.stdout
    started.stdout.close()
    started.send_signal(signal.SIGHUP)
    assert started.wait(LONGEST) == 0
    assert up.serves() == before
    assert taken_back(open_store("", checkout.folder)) == {left}


@pytest.mark.process
def test_a_rollback_that_is_interrupted_before_it_asked_for_anything_touched_nothing(
    checkout: Checkout, up: Up
) -> None:
    checkout.run("deploy")
    live = up.serves()
    up.fault("vercel never times=9 GET /v9/projects/*")
    started = checkout.start("rollback", "--target", "sandbox")
    while not up.ask("control", "/faults")["faults"][0]["struck"]:
        time.sleep(0.05)
    started.send_signal(signal.SIGTERM)
    out, err = started.communicate(timeout=LONGEST)
    assert (started.returncode, out) == (130, ""), err
    assert "interrupted before anything was touched" in err
    assert up.serves() == live


@pytest.mark.process
@pytest.mark.parametrize("stdout", ["full", "closed"])
def test_output_that_cannot_be_written_changes_no_exit_code(checkout: Checkout, up: Up, stdout: str) -> None:
    if stdout == "full" and not FULL.exists():
        pytest.skip("there is no /dev/full")
    command = f"exec ./inv deploy {'>/dev/full 2>/dev/full' if stdout == 'full' else '>&- 2>&-'}"
    before = up.serves()
    hidden = ("VERCEL_", "GITHUB_", "SENTRY_", "DEPLOY_")
    env = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
    assert subprocess.run(["sh", "-c", command], cwd=checkout.folder, env=env, timeout=LONGEST).returncode == 0
    assert up.serves() != before


def test_a_stream_that_fails_swallows_what_follows() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    for broken in (Gone(), None):
        stream = Steadfast(broken)
        print("x", file=stream, flush=True)  # type: ignore[call-overload]
        print("y", file=stream, flush=True)  # type: ignore[call-overload]
    closed = io.StringIO()
    closed.close()
    print("x", file=Steadfast(closed), flush=True)  # type: ignore[call-overload]


def test_a_bug_of_ours_is_a_sentence_and_a_file_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "ROOT", tmp_path)
    Redactor(["hunter2hunter2"])
    with pytest.raises(SystemExit) as left, terminal.honest():
        raise ZeroDivisionError("ours with hunter2hunter2")
    assert left.value.code == 1
    (file,) = (tmp_path / ".runs").glob("debug-*.txt")
    said = capsys.readouterr().err
    assert said.startswith("error: a bug in this tool: ZeroDivisionError: ours with ***; its traceback is in")
    assert str(file) in said
    assert "Traceback" not in said
    assert "Traceback" in file.read_text()
    assert "hunter2hunter2" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ((), 1),
        ((("step begins", "make", {}),), 1),
        ((("step begins", "move", {}),), 4),
        ((("step begins", "move", {}), ("run ended", "", {"outcome": "rolled back"})), 3),
        ((("run ended", "", {"outcome": "deployed"}),), 0),
    ],
)
def test_a_bug_beside_the_run_exits_with_what_is_true_of_production(tmp_path: Path, events: Any, code: int) -> None:
    journal = journal_in(tmp_path, Scripted().clock)
    for kind, subject, body in events:
        journal.append(kind, subject, **body)
    session: Any = SimpleNamespace(root=tmp_path, pipeline=stages())
    assert _broken(session, journal, KeyError("ours")).code == code


def test_an_end_that_cannot_be_printed_exits_as_the_run_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "ROOT", tmp_path)
    report: Any = SimpleNamespace(exit_code=3, outcome="rolled back", stages=None)
    config: Any = None
    with pytest.raises(SystemExit) as left:
        terminal.conclude(report, config, as_json=False)
    assert left.value.code == 3
    assert "a bug in this tool" in capsys.readouterr().err


def test_the_interpreter_flushes_at_its_end_without_a_word() -> None:
    if not FULL.exists():
        pytest.skip("there is no /dev/full")
    code = "from pipeline.cli.terminal import honest, out\nwith honest():\n    out('x' * 100000)"
    with FULL.open("w") as full:
        assert subprocess.run([sys.executable, "-c", code], stdout=full, stderr=full, cwd=terminal.ROOT).returncode == 0


def test_who_was_started_by_nohup_goes_on_when_the_terminal_is_gone() -> None:
    came: list[str] = []

    async def run() -> None:
        heed(came.append)
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        while not came:
            await asyncio.sleep(0.01)

    with restored():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        asyncio.run(run())
    assert came == ["interrupted by SIGTERM"]
