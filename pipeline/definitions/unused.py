"""Which vendors a team does without, and what is left of a pipeline then."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from checks import evidence as seen
from checks.gate import Gate
from checks.policy import AuthPolicy, ErrorsPolicy, RedisPolicy, StoragePolicy, UptimePolicy
from pipeline.engine.plan import Pipeline
from pipeline.world import absent

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

OF: Mapping[str, frozenset[type]] = {
    absent.SENTRY: SENTRY,
    absent.BETTERSTACK: BETTERSTACK,
    absent.NEXTAUTH: frozenset({AuthPolicy, seen.AuthEndpoints}),
    absent.R2: frozenset({StoragePolicy, seen.Bucket, seen.ProbeObject, seen.BrowserUploads, seen.StorageAccess}),
    absent.UPSTASH: frozenset({RedisPolicy, seen.Redis, seen.RedisUsage, seen.RedisAccess}),
    absent.NEON: frozenset({seen.Compute, seen.NeonStatus}),
    absent.JOURNEYS: frozenset(
        {seen.StagedJourneys, seen.ProductionJourneys, seen.ControlJourneys, seen.OldCodeJourneys}
    ),
    absent.SIGN_IN: frozenset({seen.SignInBefore}),
}
"""What may be absent → the policies and evidence that are there for its sake alone."""


def unused(policies: Mapping[type, Any], secrets: Iterable[str] = ()) -> frozenset[type]:
    """The policies and evidence of what ``deploy.yml`` does without. ``secrets``: the names of those that are set."""
    return frozenset(kind for name in absent.absent_of(policies, secrets) for kind in OF[name])


def kept(gates: Iterable[Gate], without: frozenset[type]) -> tuple[Gate, ...]:
    """Those of ``gates`` that ask nothing of ``without``."""
    return tuple(gate for gate in gates if not without & set(gate.inputs.values()))


def without_unused(pipeline: Pipeline, policies: Mapping[type, Any], secrets: Iterable[str] = ()) -> Pipeline:
    """``pipeline`` without the gates and steps that need a vendor which nobody uses."""
    without = unused(policies, secrets)
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
