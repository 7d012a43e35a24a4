"""The pipelines, as data, and the probes that feed them. What is not listed here does not run."""

from checks import (
    approval,
    calendar,
    database,
    environment,
    errors,
    health,
    performance,
    release,
    security,
    services,
    smoke,
    source,
    watch,
)
from pipeline.plan import MINUTE, Pipeline, Stage
from pipeline.probes import database as database_probes
from pipeline.probes import environment as environment_probes
from pipeline.probes import health as health_probes
from pipeline.probes import release as release_probes
from pipeline.probes import services as service_probes
from pipeline.probes import smoke as smoke_probes
from pipeline.probes import source as source_probes
from pipeline.steps.announce import record_deployment, record_release, tell_team
from pipeline.steps.build import build
from pipeline.steps.database import migrate
from pipeline.steps.promotion import note_production, promote

PROBES = (
    release_probes.release,
    release_probes.moment,
    release_probes.vercel_project,
    release_probes.deployments_under_way,
    release_probes.rollback_target,
    release_probes.production,
    release_probes.build,
    source_probes.commit,
    source_probes.commit_checks,
    source_probes.pull_request,
    source_probes.security_alerts,
    environment_probes.environment_variables,
    health_probes.health_before,
    health_probes.old_code_health,
    health_probes.staged_health,
    health_probes.production_health,
    smoke_probes.staged_visits,
    smoke_probes.production_visits,
    smoke_probes.staged_journeys,
    smoke_probes.production_journeys,
    smoke_probes.load_times,
    service_probes.vercel_status,
    service_probes.neon_status,
    service_probes.monitor,
    service_probes.new_issues,
    service_probes.error_rate,
    database_probes.migrations,
)

SOURCE = (source.is_pushed, source.ci_is_green, source.was_reviewed, security.no_urgent_alerts)
ENVIRONMENT = (environment.required_variables, environment.variables_have_shape)

DEPLOY = Pipeline(
    "deploy",
    "Ships a commit to production, and goes back by itself when it turns out to be bad.",
    (
        Stage(
            "preflight",
            "Everything that can be known beforehand is asked before anything is touched.",
            asks=(
                *SOURCE,
                approval.is_approved,
                *ENVIRONMENT,
                database.history_is_clean,
                release.nothing_under_way,
                release.is_not_pinned,
                release.can_go_back,
                health.is_well_before,
                services.vercel_is_operational,
                services.neon_is_operational,
                calendar.no_freeze,
            ),
            patience=10 * MINUTE,
            every=10,
        ),
        Stage(
            "build",
            "The release becomes a production deployment that no user can see yet.",
            does=(build,),
            asks=(release.is_built, release.is_staged),
            patience=15 * MINUTE,
        ),
        Stage(
            "migrate",
            "The schema is expanded, and the code that is still live is asked whether it can live with that.",
            does=(migrate,),
            asks=(database.is_migrated, health.old_code_answers),
            patience=1 * MINUTE,
        ),
        Stage(
            "smoke",
            "The staged deployment is used the way students use it.",
            asks=(health.staged_is_well, smoke.routes_answer, smoke.journeys_work),
            patience=1 * MINUTE,
            every=5,
        ),
        Stage(
            "promote",
            "Users get the release, without a rebuild and without an interruption.",
            does=(note_production, promote),
            asks=(release.nobody_else_promoted, release.is_live),
            patience=3 * MINUTE,
            every=1,
        ),
        Stage(
            "validate",
            "Production is asked what the staged deployment was asked, and the witnesses are heard.",
            asks=(
                health.production_is_well,
                smoke.production_routes_answer,
                smoke.production_journeys_work,
                errors.no_new_critical,
                errors.rate_is_usual,
                services.uptime_is_confirmed,
                performance.pages_are_quick,
            ),
            patience=2 * MINUTE,
            every=5,
        ),
        Stage(
            "watch",
            "Somebody looks for as long as problems usually take to show.",
            asks=(watch.still_live, watch.stays_well, watch.errors_stay_usual),
            during=10 * MINUTE,
            patience=2 * MINUTE,
            every=15,
        ),
        Stage(
            "announce",
            "The others are told. What fails here is a warning: the release is out and well.",
            does=(record_release, record_deployment, tell_team),
            may_fail=True,
        ),
    ),
)

PREVIEW = Pipeline(
    "preview",
    "Builds a preview deployment and uses it the way students do; production is not involved.",
    (
        Stage(
            "preflight", "What can be known beforehand.", asks=(*ENVIRONMENT, calendar.no_freeze), patience=1 * MINUTE
        ),
        Stage(
            "build", "The release becomes a preview deployment.", (build,), (release.is_built,), patience=15 * MINUTE
        ),
        Stage(
            "smoke",
            "The preview is used the way students use it.",
            asks=(health.staged_is_well, smoke.routes_answer, smoke.journeys_work),
            patience=1 * MINUTE,
            every=5,
        ),
    ),
)

PIPELINES = {pipeline.name: pipeline for pipeline in (DEPLOY, PREVIEW)}


def pipeline_for(kind: str) -> Pipeline:
    """The pipeline that a target of ``kind`` is deployed with."""
    return PREVIEW if kind == "preview" else DEPLOY
