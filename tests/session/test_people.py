"""Broken glass, signed waivers, and whose turn it is: what people may overrule, and that everybody reads it."""

import dataclasses
import datetime
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.evidence import Release
from checks.gate import Finding, Verdict
from checks.outcome import Outcome
from checks.policy import ApprovalPolicy, FreezePolicy, Waiver
from pipeline.commands.deploy import after_deploy, owed, seconds_of
from pipeline.commands.waivers import show_waivers
from pipeline.definitions.deploy import DEPLOY, FROM_GITHUB, PEOPLE
from pipeline.documents.todo import open_actions
from pipeline.engine.waivers import broken_glass, waive
from pipeline.errors import Locked, Mistake
from pipeline.record.journal import Journal, plain
from pipeline.record.lock import Lock
from pipeline.record.report import Report, report_of
from pipeline.redact import Redactor
from pipeline.render.report import annotations, report_text, summary_markdown, summary_text
from pipeline.session.session import Session
from pipeline.session.turn import Turn
from pipeline.session.waiving import judged, judged_waivers, signed_waivers
from tests.render.test_aiming import PLACES
from tests.scripted import MovingClock
from tests.stage import InProcess

WHY = "the shop cannot take orders"
needs_keys = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="there is no ssh-keygen: install openssh-client")


def shipped(inside: InProcess, release: Release, run: str = "r1") -> tuple[Outcome | None, Report]:
    """A run with the waivers that a command gives it, and the words that it begins with."""
    journal = Journal(inside.store, run, inside.clock.now, Redactor())
    journal.append("run begins", pipeline="deploy", target="sandbox", commit="", by="x", production="https://x")
    if release.glass:
        journal.append("break glass", reason=release.glass, by=release.glass_by)
    runner, waivers = inside.runner, broken_glass(release, PEOPLE, FROM_GITHUB)
    inside.runner = lambda world, journal, **more: runner(world, journal, waivers=waivers, **more)  # type: ignore[method-assign]
    try:
        return inside.deploy(release=release, run=run)
    finally:
        inside.runner = runner  # type: ignore[method-assign]


def against(inside: InProcess, release: Release) -> None:
    """Nobody agreed or reviewed, a test is red, and it is a freeze."""
    github = inside.sandbox.state.github
    github.pulls[-1].reviews.clear()
    github.commits[release.commit].checks["test"] = "failure"
    inside.require(FreezePolicy(weekdays=("mon", "tue", "wed", "thu", "fri", "sat", "sun")))


def test_broken_glass_goes_past_what_people_decide_and_every_output_says_so(inside: InProcess) -> None:
    release = inside.release()
    against(inside, release)
    outcome, report = shipped(inside, release)
    assert outcome is Outcome.BLOCKED, "without it, nothing ships"
    outcome, report = shipped(inside, dataclasses.replace(release, glass=WHY, glass_by="dana"), "r2")
    assert outcome is Outcome.DEPLOYED, report.reason
    said = f"GLASS BROKEN by dana: {WHY}; past approval.is-approved, calendar.no-freeze, source.ci-is-green"
    for text in (summary_text(report), report_text(report), summary_markdown(report, PLACES), annotations(report)):
        assert said in text
    assert json.loads(json.dumps(plain(report)))["glass"] == WHY


def broken(name: str) -> Callable[[InProcess], Release]:
    return lambda inside: inside.release(name)


def alert(inside: InProcess) -> Release:
    inside.sandbox.inject("vercel answer status=500 GET */domains*")
    return inside.release("edited-migration")


@pytest.mark.parametrize("make", [broken("edited-migration"), broken("drops-column"), alert])
def test_broken_glass_never_goes_past_what_protects_data(
    inside: InProcess, make: Callable[[InProcess], Release]
) -> None:
    before = inside.serves()
    release = dataclasses.replace(make(inside), glass=WHY, glass_by="dana")
    against(inside, release)
    outcome, report = shipped(inside, release)
    assert outcome is Outcome.BLOCKED
    assert "GLASS" not in report.reason
    inside.sandbox.faults.clear()
    assert inside.serves() == before


def test_when_github_cannot_be_read_the_glass_is_what_ships_and_an_answer_of_github_still_counts(
    inside: InProcess,
) -> None:
    release = dataclasses.replace(inside.release(), glass=WHY, glass_by="dana")
    inside.sandbox.inject("github answer status=401 GET *")
    outcome, report = shipped(inside, release)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert "source.is-pushed" in summary_text(report)
    pushed = dict.fromkeys(("source.is-pushed", "order.is-newer"), broken_glass(release, PEOPLE, FROM_GITHUB))
    for gate, waivers in pushed.items():
        no, unread = Finding(Verdict.BLOCK, "x", "is a no"), Finding(Verdict.UNKNOWN, "github", "x")
        assert waive(waivers, gate, (no,), datetime.date(2026, 11, 24)) == (no,)
        assert waive(waivers, gate, (unread,), datetime.date(2026, 11, 24))[0].verdict is Verdict.WARN


def test_what_the_glass_covers_is_of_people_or_of_github_and_in_the_pipeline() -> None:
    assert set(PEOPLE) | set(FROM_GITHUB) <= set(DEPLOY.gates)
    families = {gate.family for gate in (*PEOPLE, *FROM_GITHUB)}
    assert not families & {"database", "sql", "environment", "release", "health", "smoke"}


def test_an_action_is_open_afterwards_until_somebody_closes_it(inside: InProcess, tmp_path: Path) -> None:
    lines: list[str] = []
    session = Session(inside.settings, inside.pipeline, inside.store, Redactor(), inside.clock, inside.config)
    after = after_deploy(tmp_path, lines.append)
    report = Report("r1", outcome="deployed", glass=WHY, glass_by="dana")
    after(session, Report("r0", outcome="deployed"))
    assert open_actions(tmp_path) == ()
    after(session, report)
    (action,) = open_actions(tmp_path)
    assert action.what == owed(report)
    assert WHY in action.what
    assert any(f"runbooks.done {action.id} closes it" in line for line in lines)


# -- waivers


WAIVER = Waiver("calendar.no-freeze", datetime.date(2026, 12, 1), "Dana Ops", "fix ships on Monday", "the freeze")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A key of which the file knows the public half."""
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    (tmp_path / "signers").write_text(f"dana,dana@example.com {path.with_suffix('.pub').read_text()}")
    return path


@needs_keys
def test_a_signed_waiver_says_whose_key_and_one_changed_afterwards_stops_the_run(key: Path, tmp_path: Path) -> None:
    signers = tmp_path / "signers"
    (one,) = signed_waivers((WAIVER,), "calendar.no-freeze", key, signers)
    assert judged(one, signers).signed_by == "dana, dana@example.com"
    assert judged(WAIVER, signers).signed_by == ""
    later: dict[str, Any] = {"until": datetime.date(2027, 12, 1), "by": "Eve", "reason": "why not", "subject": "x"}
    for name, value in later.items():
        with pytest.raises(Mistake, match=r"its signature does not count .*waivers --sign calendar.no-freeze"):
            judged(dataclasses.replace(one, **{name: value}), signers)


@needs_keys
def test_the_command_prints_the_line_for_the_file_and_lists_who_has_signed(
    inside: InProcess, key: Path, tmp_path: Path
) -> None:
    lines: list[str] = []
    policies = dataclasses.replace(inside.config.policies["sandbox"], approval=ApprovalPolicy(signers="signers"))
    file = dataclasses.replace(inside.config.file, waivers=(WAIVER,))
    config = dataclasses.replace(inside.config, file=file, policies={"sandbox": policies})
    show_waivers(config, tmp_path, "calendar.no-freeze", str(key), "", lines.append)
    signature = lines[-1].partition("signature: ")[2]
    signed = dataclasses.replace(file, waivers=(dataclasses.replace(WAIVER, signature=signature),))
    show_waivers(dataclasses.replace(config, file=signed), tmp_path, "", "", "", lines.append)
    assert lines[-1].endswith("by Dana Ops: fix ships on Monday (signed by dana, dana@example.com)")
    with pytest.raises(Mistake, match="has no waiver for that gate"):
        show_waivers(config, tmp_path, "source.is-pushed", str(key), "", lines.append)


def test_every_report_shows_the_waivers_that_counted(inside: InProcess) -> None:
    over = dataclasses.replace(WAIVER, until=datetime.date(2026, 11, 1))
    file = dataclasses.replace(inside.config.file, waivers=(WAIVER, over))
    config = dataclasses.replace(inside.config, file=file)
    session = Session(inside.settings, inside.pipeline, inside.store, Redactor(), inside.clock, config)
    journal = Journal(inside.store, "r1", inside.clock.now, Redactor())
    said = {"pipeline": "deploy", "target": "sandbox", "commit": "", "by": "x", "production": "https://x"}
    journal.append("run begins", waivers=judged_waivers(session), **said)
    report = report_of("r1", journal.events())
    line = "calendar.no-freeze (the freeze) until 2026-12-01 by Dana Ops: fix ships on Monday (not signed)"
    assert all(line in text for text in (summary_text(report), report_text(report), summary_markdown(report, PLACES)))
    assert [waiver["gate"] for waiver in plain(report)["waivers"]] == ["calendar.no-freeze"], "one is over"


# -- whose turn it is


def test_a_run_that_waits_for_a_lock_says_for_whom_and_goes_on_when_it_is_free(inside: InProcess) -> None:
    clock, lines, store = inside.clock, list[str](), inside.store
    theirs = Lock(store, "sandbox", "r1", clock, lease=10_000, pid=1)
    theirs.take("deploy abc")
    clock.at[100] = theirs.release
    ours = Lock(store, "sandbox", "r2", clock)
    Turn(clock, 900, lines.append, lambda: None).take(ours, "deploy def")
    assert ours.renew()
    assert 100 <= clock.seconds < 110
    assert lines[0].startswith("waiting for another 15:00: sandbox is locked by r1 ")


def test_nobody_waits_unasked_or_for_longer_than_was_said(inside: InProcess) -> None:
    clock = inside.clock
    Lock(inside.store, "sandbox", "r1", clock, lease=10_000, pid=1).take("deploy")
    for wait in (0.0, 60.0):
        began = clock.seconds
        with pytest.raises(Locked, match="locked by r1"):
            Turn(clock, wait, lambda line: None, lambda: None).take(Lock(inside.store, "sandbox", "r2", clock), "x")
        assert clock.seconds - began == pytest.approx(wait, abs=0.1)


def test_what_the_other_left_behind_is_looked_at_before_the_lock_is_taken(inside: InProcess) -> None:
    clock = MovingClock()
    theirs = Lock(inside.store, "sandbox", "r1", clock, lease=3, pid=1)
    theirs.take("deploy")

    def may() -> None:
        raise Locked("run r1 was cut off after it had promoted")

    ours = Lock(inside.store, "sandbox", "r2", clock)
    with pytest.raises(Locked, match="cut off"):
        Turn(clock, 60, lambda line: None, may).take(ours, "deploy")
    held = ours.held()
    assert held is not None
    assert held.holder == "r1"


def test_a_time_is_written_as_in_the_file() -> None:
    assert (seconds_of("--lock-wait", "15m"), seconds_of("--lock-wait", "")) == (900, 0)
    with pytest.raises(Mistake, match="--lock-wait '15 minutes' is no duration"):
        seconds_of("--lock-wait", "15 minutes")
