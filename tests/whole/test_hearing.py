"""Sentry as the SDKs send to it: environments and releases under other names, and projects that nobody sends to."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from checks.outcome import Outcome
from checks.policy import ErrorsPolicy
from pipeline.config import load
from pipeline.errors import Mistake
from pipeline.record.report import Report
from pipeline.sandbox import errortracking
from tests.stage import ROOT, InProcess


def errors_are(inside: InProcess, **changes: object) -> None:
    known = inside.settings.policies[ErrorsPolicy]
    inside.settings.policies[ErrorsPolicy] = replace(known, **changes)  # type: ignore[index]


def pour(inside: InProcess, commit: str, environment: str) -> Callable[[], None]:
    """Sixty fatal errors of the release, as its SDK sends them."""

    def errors() -> None:
        for number in range(60):
            title = f"TypeError: lesson {number % 4} is null"
            errortracking.capture(inside.sandbox.core, title, "app/lessons", commit, environment, "fatal")

    return errors


def warned(report: Report) -> str:
    return "\n".join(f"{finding['subject']} {finding['says']}" for _, finding in report.warnings)


@pytest.mark.parametrize("prefix", ["", "vercel-"])
def test_errors_are_seen_whatever_the_sdk_calls_the_environment(inside: InProcess, prefix: str) -> None:
    inside.sandbox.patch({"sentry": {"prefix": prefix, "baseline": 0}})
    before, release = inside.serves(), inside.release()
    inside.at_stage("watch", pour(inside, release.commit, f"{prefix}production"))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.ROLLED_BACK, report.reason
    assert inside.serves() == before


def test_errors_under_the_new_name_are_seen_when_a_release_brings_the_sdk_that_changes_it(inside: InProcess) -> None:
    """Version 11 drops the prefix: the project knows the old name only, until the first event of the new one."""
    inside.sandbox.patch({"sentry": {"prefix": "vercel-", "baseline": 0}})
    release = inside.release()
    inside.at_stage("watch", pour(inside, release.commit, "production"))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.ROLLED_BACK, report.reason


def test_errors_are_seen_when_the_app_writes_its_environment_with_a_capital(inside: InProcess) -> None:
    """For Sentry that is another environment, and its pages show the two alike."""
    inside.sandbox.patch({"sentry": {"baseline": 0}})
    release = inside.release()
    inside.at_stage("watch", pour(inside, release.commit, "Production"))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.ROLLED_BACK, report.reason


def test_errors_of_another_environment_stop_nothing(inside: InProcess) -> None:
    release = inside.release()
    inside.at_stage("watch", pour(inside, release.commit, "vercel-preview"))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason


def test_the_name_that_was_found_is_said_until_the_file_has_it(inside: InProcess) -> None:
    inside.sandbox.patch({"sentry": {"prefix": "vercel-"}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert "vercel-production" in warned(report)
    errors_are(inside, environments=("vercel-production",))
    outcome, report = inside.deploy(run="r2")
    assert outcome is Outcome.DEPLOYED, report.reason
    assert "vercel-production" not in warned(report)


def test_a_project_that_nothing_was_ever_heard_of_is_no_pass(inside: InProcess) -> None:
    inside.sandbox.patch({"sentry": {"deaf": True}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.HELD
    assert "heard nothing at all" in report.reason
    assert "has never heard of this project" in warned(report), "and preflight had said so"
    assert inside.serves() == report.staged["id"]


@pytest.mark.parametrize("names", [("live",), ("Production",)])
def test_an_environment_that_the_project_has_not_is_said_beforehand_and_holds(
    inside: InProcess, names: tuple[str, ...]
) -> None:
    errors_are(inside, environments=names)
    outcome, report = inside.deploy()
    assert outcome is Outcome.HELD
    assert f"has nothing of {names[0]}, only of development, " in warned(report)


def test_a_project_without_tracing_and_sessions_that_had_an_error_this_month_is_heard(
    inside: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No error in a day is what everybody hopes for; no tracing is somebody's choice."""
    from pipeline.sandbox.sentry import explore, records

    inside.sandbox.patch({"sentry": {"baseline": 0}})
    inside.clock.seconds -= 20 * 86400
    errortracking.capture(inside.sandbox.core, "AbortError", "app", "a" * 40, "production")
    inside.clock.seconds += 20 * 86400
    monkeypatch.setattr(records, "spans", lambda core, begin, end: iter(()))
    monkeypatch.setitem(explore.SOURCES, "spans", lambda core, begin, end: iter(()))
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason


NAMINGS = ["lms@1.4.{commit:.0}2", "{commit:.7}", "lms@{commit}"]


@pytest.mark.parametrize("naming", NAMINGS)
def test_releases_that_are_not_named_as_we_ask_stop_before_anything_moves(inside: InProcess, naming: str) -> None:
    inside.sandbox.patch({"sentry": {"naming": naming}})
    inside.serves()  # somebody visits production, and the SDK tells of it
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert report.stages[-1].name == "preflight"
    assert "errors.release" in str([line.findings for stage in report.stages for line in stage.lines])


@pytest.mark.parametrize("naming", ["lms@{commit}", "v2000-{commit:.7}"])
def test_the_file_may_say_how_releases_are_named_and_then_their_errors_are_ours(inside: InProcess, naming: str) -> None:
    inside.sandbox.patch({"sentry": {"naming": naming, "baseline": 0}})
    errors_are(inside, release=naming)
    inside.serves()
    release = inside.release()
    name = naming.format(commit=release.commit)
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert name in inside.sandbox.state.sentry.releases, "it is recorded by the name that its errors have"
    inside.at_stage("watch", pour(inside, name, "production"))
    outcome, report = inside.deploy(release=replace(release), run="r2")
    assert outcome is Outcome.ROLLED_BACK, report.reason


@pytest.mark.parametrize("text", ["lms", "{version}", "{commit", "{0}"])
def test_a_release_name_without_the_commit_is_a_mistake_of_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deploy.yml"
    known = (ROOT / "deploy.yml").read_text(encoding="utf-8")
    path.write_text(known.replace('release: "{commit}"', f'release: "{text}"'), "utf-8")
    with pytest.raises(Mistake, match="does not name the commit"):
        load(path)
