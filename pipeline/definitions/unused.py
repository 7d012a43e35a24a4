"""Which vendors a team does without, and what is left of a pipeline then."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from checks import evidence as seen
from checks.gate import Gate
from checks.policy import AuthPolicy, ErrorsPolicy, UptimePolicy
from pipeline.engine.plan import Pipeline

SENTRY: frozenset[type] = frozenset(
    {
        ErrorsPolicy,
        seen.NewIssues,
        seen.ErrorRate,
        seen.EndpointErrors,
        seen.CriticalErrors,
        seen.ErrorsLately,
        seen.RecurringIssues,
        seen.CrashFree,
        seen.RecordedRelease,
        seen.SentryHearing,
        seen.SentryAccess,
    }
)
BETTERSTACK: frozenset[type] = frozenset(
    {
        UptimePolicy,
        seen.Monitor,
        seen.MonitorAccess,
        seen.MonitorChanges,
        seen.UptimeToday,
        seen.PastIncidents,
        seen.Heartbeats,
    }
)

NEXTAUTH: frozenset[type] = frozenset({AuthPolicy, seen.AuthEndpoints})


def unused(policies: Mapping[type, Any]) -> frozenset[type]:
    """The policies and evidence of the vendors that ``deploy.yml`` does without: Sentry, Better Stack, NextAuth."""
    without: frozenset[type] = frozenset()
    if not policies[ErrorsPolicy].organization:
        without |= SENTRY
    if not policies[UptimePolicy].monitor:
        without |= BETTERSTACK
    if not policies[AuthPolicy].path:
        without |= NEXTAUTH
    return without


def kept(gates: Iterable[Gate], without: frozenset[type]) -> tuple[Gate, ...]:
    """Those of ``gates`` that ask nothing of ``without``."""
    return tuple(gate for gate in gates if not without & set(gate.inputs.values()))


def without_unused(pipeline: Pipeline, policies: Mapping[type, Any]) -> Pipeline:
    """``pipeline`` without the gates and steps that need a vendor which nobody uses."""
    without = unused(policies)
    if not without:
        return pipeline
    stages = (
        replace(
            stage,
            does=tuple(step for step in stage.does if not without & set(step.inputs)),
            asks=kept(stage.asks, without),
            advises=kept(stage.advises, without),
        )
        for stage in pipeline.stages
    )
    return replace(pipeline, stages=tuple(stages))
