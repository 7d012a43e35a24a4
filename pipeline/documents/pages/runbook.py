"""The deployment runbook: what is asked before, what is done, what is asked after, and the way back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from checks import environment, errors, health, identity, performance, release, services, smoke
from checks.gate import Gate
from checks.policy import DeclaredJourney, RequiredVariable
from checks.procedure import Procedure, procedure
from pipeline.config import DeployFile, Policies
from pipeline.documents.pages.stages import stages_in_order
from pipeline.documents.pages.words import document, gate_link, gate_links, known_here
from pipeline.emergency.steps import STEPS
from pipeline.engine.plan import Pipeline
from pipeline.handbook.communication import BY_NAME
from pipeline.handbook.playbook import claim
from pipeline.handbook.thresholds import criteria
from pipeline.render.markdown import spell

CHECKLIST = (
    ("All tests pass in CI, and the commit was reviewed", ("source",)),
    ("Security scan completed, no P0 or P1 vulnerability", ("security",)),
    ("Database migrations prepared and tested", ("database", "sql")),
    ("Environment variables validated", ("environment",)),
    ("Stakeholder approval obtained", ("approval",)),
    ("What later stages use can be used", ("access", "hearing")),
    ("Production can take a release now", ("release", "order", "rolling", "health", "services", "calendar")),
)
"""Heading of the checklist before a deployment → the families of the gates below it."""

VALIDATION: tuple[tuple[str, tuple[Gate, ...]], ...] = (
    ("Health check", (release.is_live, identity.production_is_release, health.production_is_well)),
    (
        "Smoke tests: what a user does",
        (smoke.production_routes_answer, smoke.production_journeys_work),
    ),
    ("Sentry: no new critical errors", (errors.no_new_critical, errors.rate_is_usual)),
    ("Better Stack: uptime confirmed", (services.uptime_is_confirmed,)),
    ("Vercel Analytics: performance", (performance.pages_are_quick,)),
)  # fmt: skip
"""Heading of the checklist after a deployment → the gates below it."""

AFTER_ROLLBACK = (
    release.is_restored,
    health.is_well_before,
    smoke.production_journeys_work,
    services.uptime_is_confirmed,
    errors.rate_is_usual,
)
SHAPES = {
    "url": "an address",
    "postgres": "a `postgresql://` address",
    "secret": "a secret",
    "email": "an e-mail address",
}
"""Shape of a required variable → its words."""


@dataclass(frozen=True)
class EmergencyAct:
    """One act of the emergency rollback, with its words."""

    name: str
    words: Procedure


def runbook(
    pipeline: Pipeline,
    preview: Pipeline,
    rolling: Pipeline,
    file: DeployFile,
    policies: Policies,
    prose: Mapping[str, str],
) -> str:
    """The whole page, with the hand-written ``prose`` in its places."""
    first = pipeline.stages[0].asks
    return document(
        "deployment-runbook",
        known_here(file, policies),
        prose=prose,
        branch=policies.source.branch,
        checklist=[(heading, [gate for gate in first if gate.family in families]) for heading, families in CHECKLIST],
        stages=pipeline.stages,
        preview_stages=[stage for stage in preview.stages if stage.asks],
        environment=environment,
        variables=policies.environment.required,
        shape=_shape,
        validation=VALIDATION,
        smoke=smoke,
        journeys=[(journey.name, _does(journey)) for journey in policies.smoke.journeys],
        route_rows=_route_rows(policies),
        criterion_rows=_criterion_rows(pipeline, policies),
        release=release,
        after_rollback=AFTER_ROLLBACK,
        message=BY_NAME["release"],
        emergency=[_emergency_act(act) for act in STEPS],
        stages_in_order=stages_in_order(pipeline, rolling, policies),
        claim=claim,
        gate_link=gate_link,
        gate_links=gate_links,
    )


SIGNS_IN = {
    "nextauth": "sign in as the smoke user; a session must be there afterwards",
    "authjs": "sign in as the smoke user; a session must be there afterwards",
    "cookie": "show the session's cookie",
    "bearer": "show the token",
}


def _does(journey: DeclaredJourney) -> str:
    """What a person does to go this journey by hand, in one line."""
    acts = [SIGNS_IN[journey.sign_in]] if journey.sign_in else []
    for step in journey.steps:
        sees = f", which reads `{step.expect.contains}`" if step.expect.contains else ""
        sends = f" with {step.file.name}" if step.file else ""
        acts.append(f"`{step.verb} {step.path}`{sends}{sees}")
    return "; ".join(acts)


def _shape(variable: RequiredVariable) -> str:
    words = [SHAPES[variable.shape]] if variable.shape in SHAPES else []
    words += [f"at least {variable.min_length} characters"] if variable.min_length > 1 else []
    return ", ".join(words) or "set, not empty"


def _route_rows(policies: Policies) -> list[tuple[object, ...]]:
    return [
        (f"`{route.path}`", route.status, f"`{route.contains}`" if route.contains else "")
        for route in policies.smoke.routes
    ]


def _criterion_rows(pipeline: Pipeline, policies: Policies) -> list[tuple[str, ...]]:
    patience = {gate: spell(stage.patience) for stage in pipeline.stages for gate in stage.asks}
    return [
        (
            criterion.signal,
            criterion.limit,
            "roll back at once" if criterion.at_once else patience[criterion.gate],
            gate_link(criterion.gate),
        )
        for criterion in criteria(policies)
    ]


def _emergency_act(act: Callable[..., object]) -> EmergencyAct:
    return EmergencyAct(act.__name__.replace("_", "-"), procedure(act.__doc__, owner="on-call", of=act.__name__))
