"""GitHub's deployments: what is refused after the release is out takes nothing back and is no success either."""

import json

import httpx
import pytest

from checks.outcome import Outcome
from tests.reports.answers import answering
from tests.stage import InProcess

WRITES = "/repos/acme/lms/deployments"


def sent(inside: InProcess) -> list[dict[str, object]]:
    """The bodies of everything that is written below the repository's deployments from now on."""
    bodies: list[dict[str, object]] = []

    def note(request: httpx.Request, answer: httpx.Response) -> None:
        if request.method == "POST" and WRITES in request.url.path:
            bodies.append(json.loads(request.content))

    answering(inside, note)
    return bodies


def test_a_deployment_is_recorded_whatever_else_reports_on_the_commit(inside: InProcess) -> None:
    """By default GitHub wants every status of the commit green, the skipped ones and the deploy's own among them.

    https://github.com/nexthink-oss/ghup/pull/135
    """
    bodies = sent(inside)
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert bodies[0]["required_contexts"] == []
    assert [body.get("state") for body in bodies] == [None, "in_progress", "success"]


def test_a_deployment_is_of_the_commit_and_merges_nothing(inside: InProcess) -> None:
    """By default GitHub first merges main into what is deployed, and says 409 when main has gone on.

    https://github.com/simplytestme/website/issues/130
    """
    bodies = sent(inside)
    release = inside.release()
    inside.deploy(release=release)
    assert bodies[0]["auto_merge"] is False
    assert bodies[0]["ref"] == release.commit


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (f"status=409 json='{json.dumps({'message': 'Conflict merging main'})}' POST */deployments", "answered 409"),
        (f"status=403 json='{json.dumps({'message': 'Resource not accessible'})}' POST */statuses", "answered 403"),
    ],
    ids=["the deployment", "its status"],
)
def test_a_record_that_github_refuses_is_said_and_takes_nothing_back(inside: InProcess, fault: str, says: str) -> None:
    """A token without `deployments: write` may make a deployment and not its status, or neither.

    https://github.com/chrnorm/deployment-status/issues/31
    """
    before = inside.serves()
    inside.sandbox.inject(f"github answer {fault}")
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert inside.serves() != before
    announce = next(stage for stage in report.stages if stage.name == "announce")
    (failed,) = [line for line in announce.lines if line.state == "failed"]
    assert (failed.name, announce.state) == ("record-deployment", "warned")
    assert says in failed.says
    told = next(line for line in announce.lines if line.name == "tell-team")
    assert told.state == "done", "the others are told all the same"
