"""Sentry that knows less than people think: another release's name, commits that are gone, no source maps."""

import json

import httpx
import pytest

from checks.outcome import Outcome
from checks.policy import ErrorsPolicy
from tests.reports.answers import answering, saying
from tests.stage import InProcess
from tests.whole.test_proof import require


def test_a_release_of_another_name_than_the_commit_is_asked_about(inside: InProcess) -> None:
    """The SDK sends the build's own id as its release, so the commit that was deployed has no events, ever.

    https://github.com/getsentry/sentry-javascript/issues/6631
    """
    inside.deploy(run="r0")

    def unnamed(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        by_release = "release:" in request.url.params.get("query", "")
        if not by_release or not request.url.path.endswith("/events-timeseries/"):
            return None
        return saying(answer, timeSeries=[{**series, "values": []} for series in answer.json()["timeSeries"]])

    answering(inside, unnamed)
    outcome, report = inside.deploy(run="r1", older=True)
    assert outcome is Outcome.HELD
    assert "does the SDK send the commit as its release?" in report.reason


def test_commits_that_github_no_longer_has_do_not_keep_a_release_from_being_recorded(inside: InProcess) -> None:
    """The commit of the release before was amended away, and the deploy failed at recording what is new.

    https://github.com/getsentry/sentry-cli/issues/956
    """
    inside.at_stage("announce", lambda: inside.sandbox.inject("github answer status=404 GET */compare/*"))
    release = inside.release()
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason
    recorded = inside.sandbox.state.sentry.releases[release.commit]
    assert [one["id"] for one in recorded.commits] == [release.commit], "the release's own commit, at least"
    assert [line for stage in report.stages for line in stage.lines if line.state == "failed"] == []


def test_a_sentry_that_is_asked_too_often_is_said_and_takes_nothing_back(inside: InProcess) -> None:
    """The very first request of its kind is answered 429, after the release is out, and the job is red.

    https://github.com/getsentry/sentry/issues/40959
    """
    inside.sandbox.inject("sentry answer status=429 POST */deploys/")
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    failed = [line for stage in report.stages for line in stage.lines if line.state == "failed"]
    assert [line.name for line in failed] == ["record-release"]
    assert "answered 429" in failed[0].says
    assert any("answered 429" in finding["says"] for gate, finding in report.warnings if gate == "record-release")


@pytest.mark.parametrize("path", ["*/releases/", "*/deploys/"])
def test_a_sentry_that_says_when_it_may_be_asked_again_is_asked_then(inside: InProcess, path: str) -> None:
    """A limit of requests that is over in half a minute left releases unrecorded.

    https://github.com/getsentry/sentry-cli/issues/1432
    """
    again = json.dumps(
        {"detail": "You are attempting to use this endpoint too frequently. Limit is 40 requests in 1 s"}
    )
    inside.sandbox.inject(f"sentry answer status=429 retry_after=30 json='{again}' times=1 POST {path}")
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert [line for stage in report.stages for line in stage.lines if line.state == "failed"] == []
    assert report.staged["commit"] in inside.sandbox.state.sentry.releases


@pytest.mark.parametrize(
    ("prefix", "named", "wanted"),
    [
        ("", (), "production"),
        ("vercel-", (), "vercel-production"),
        ("", ("production", "live"), "production"),
    ],
)
def test_a_deployment_is_recorded_under_the_environment_that_the_events_have(
    inside: InProcess, prefix: str, named: tuple[str, ...], wanted: str
) -> None:
    """The deploy stood beside no error, because it was of another environment than the events.

    https://github.com/getsentry/sentry-javascript-bundler-plugins/issues/849
    """
    inside.sandbox.patch({"sentry": {"prefix": prefix}})
    require(inside, ErrorsPolicy, environments=named)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    recorded = inside.sandbox.state.sentry.releases[report.staged["commit"]]
    assert [one["environment"] for one in recorded.deploys] == [wanted]
    assert not any("has no deployment" in finding["says"] for _, finding in report.warnings)


def test_source_maps_that_never_arrived_are_named(inside: InProcess) -> None:
    """The build had no token, said so in one line of its log, and every stack trace is of minified code.

    https://github.com/getsentry/sentry/issues/77428
    """
    require(inside, ErrorsPolicy, source_maps=True)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    found = [finding for stage in report.stages for line in stage.lines for finding in line.findings]
    assert any("has no source maps in Sentry" in finding["says"] for finding in found)
