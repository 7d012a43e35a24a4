"""Decisions of gates that their examples do not show: each was seen to survive a planted fault."""

from dataclasses import replace

from checks import environment, release, source
from checks.evidence import EnvironmentVariables, PullRequest, Release, Variable, VercelProject
from checks.gate import Gate, Verdict, worst
from checks.healthy import healthy
from checks.policy import EnvironmentPolicy, RequiredVariable


def verdict(gate: Gate, *changed: object) -> Verdict:
    """What the gate says when some of its healthy inputs are replaced."""
    values = {**healthy(gate.name), **{type(value): value for value in changed}}
    return worst(gate.ask(values))


def test_an_approved_pull_request_is_no_approval_of_a_commit_that_it_does_not_hold() -> None:
    seen: PullRequest = healthy(source.was_reviewed.name)[PullRequest]
    moved = [replace(approval, of="f" * 40) for approval in seen.approvals]
    other = replace(seen, head="f" * 40, merge_commit="e" * 40, approvals=tuple(moved))
    assert verdict(source.was_reviewed, other) is Verdict.BLOCK


def test_an_empty_value_is_no_value_whatever_shape_is_asked_for() -> None:
    policy = EnvironmentPolicy((RequiredVariable("FLAG"),))
    seen: EnvironmentVariables = healthy(environment.variables_have_shape.name)[EnvironmentVariables]
    for length, expected in ((0, Verdict.BLOCK), (1, Verdict.PASS)):
        one = replace(seen, variables=(Variable("FLAG", readable=True, length=length),))
        assert verdict(environment.variables_have_shape, policy, one) is expected
        says = [
            finding.says
            for finding in environment.variables_have_shape.ask({EnvironmentPolicy: policy, EnvironmentVariables: one})
        ]
        assert says == (["is set to an empty string"] if length == 0 else [])


def test_not_saying_whether_production_is_pinned_is_not_overruled_by_over_rollback() -> None:
    inputs = healthy(release.is_not_pinned.name)
    shipped: Release = inputs[Release]
    project: VercelProject = inputs[VercelProject]
    told = replace(shipped, over_rollback=True)
    assert verdict(release.is_not_pinned, told, replace(project, auto_assign=False)) is Verdict.WARN
    assert verdict(release.is_not_pinned, told, replace(project, auto_assign=None)) is Verdict.BLOCK
