"""The pipelines, as data, and the probes that feed them. What is not listed here does not run."""

from dataclasses import replace

from checks import (
    access,
    approval,
    calendar,
    capacity,
    database,
    environment,
    errors,
    health,
    hearing,
    identity,
    order,
    performance,
    redis,
    release,
    rolling,
    security,
    services,
    skew,
    smoke,
    source,
    sql,
    storage,
    vitals,
    watch,
)
from checks import evidence as seen
from checks.policy import PromotionPolicy
from pipeline.engine.plan import MINUTE, Pipeline, Stage, Step
from pipeline.steps.announce import record_deployment, record_promotion, record_release, tell_team
from pipeline.steps.build import build
from pipeline.steps.database import migrate
from pipeline.steps.promotion import advance_to, complete_rolling_release, hold_domains, note_production, promote
from pipeline.steps.rehearsal import rehearse
from pipeline.steps.safeguard import keep_restore_point
from pipeline.steps.window import close_window, open_window

SOURCE = (source.is_pushed, source.ci_is_green, source.was_reviewed, security.no_urgent_alerts)
ENVIRONMENT = (
    environment.required_variables,
    environment.variables_have_shape,
    environment.built_in_values_are_current,
    environment.was_built_with_what_is_set,
    environment.changes_are_known,
    environment.what_code_reads_is_set,
)
PEOPLE = (source.ci_is_green, source.was_reviewed, approval.is_approved, calendar.no_freeze)
"""What people decide; whoever breaks the glass goes past it. Nothing that protects data is among them."""
FROM_GITHUB = (
    source.is_pushed,
    security.no_urgent_alerts,
    order.is_newer,
    order.is_still_newer,
    order.live_is_judged,
)
"""What whoever breaks the glass goes past only as long as GitHub cannot be asked."""
MIGRATIONS = (
    database.history_is_clean,
    database.has_not_drifted,
    sql.can_run,
    sql.live_code_survives,
    sql.nobody_waits,
    sql.data_are_kept,
    database.can_be_put_back,
)
WAKE = Stage(
    "wake",
    "The new deployment is woken and says which build it is; nothing is judged before that.",
    asks=(identity.staged_is_itself,),
    patience=1 * MINUTE,
    every=2,
)

PROOFS = (release.is_live, identity.production_is_release)
"""Vercel's word, and the domain's own: if one says that the release serves, it does, and the other may be silent."""
ARRIVED = (release.nobody_else_promoted, *PROOFS)

RHYTHM: dict[type, int] = {
    seen.ErrorRate: 2,
    seen.NewIssues: 2,
    seen.AuthEndpoints: 2,
    seen.Connections: 2,
    seen.Redis: 4,
    seen.Monitor: 4,
    seen.EndpointErrors: 8,
    seen.LimitedRequests: 8,
    seen.ProbeObject: 8,
    seen.OtherStatuses: 20,
}
"""In which round of the watch each is read again; what is not here is read in every one."""

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
                *MIGRATIONS,
                release.output_is_whole,
                order.was_not_taken_back,
                order.is_newer,
                order.live_is_judged,
                release.nothing_under_way,
                release.is_not_pinned,
                release.builds_move_nothing,
                rolling.is_set_up,
                rolling.nobody_else_is_rolling,
                release.can_go_back,
                hearing.sentry_hears_us,
                access.sentry_may_be_used,
                access.monitor_is_known,
                access.smoke_user_can_sign_in,
                access.vercel_may_promote,
                access.protection_lets_us_in,
                access.storage_may_be_used,
                access.redis_may_be_used,
                access.people_can_be_told,
                health.is_well_before,
                services.vercel_is_operational,
                services.neon_is_operational,
                calendar.no_freeze,
                calendar.clock_is_right,
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
            "rehearse",
            "The migrations are tried on a copy of the database, and the live code on the result.",
            does=(rehearse,),
            asks=(database.rehearsal_went_well,),
        ),
        Stage(
            "safeguard",
            "What a migration could take away is kept, right before.",
            does=(keep_restore_point,),
            asks=(database.restore_point_is_kept,),
            patience=1 * MINUTE,
        ),
        Stage(
            "migrate",
            "The schema is expanded, and the code that is still live is asked whether it can live with that.",
            does=(migrate,),
            asks=(database.is_migrated, health.old_code_answers, database.old_code_works),
            patience=1 * MINUTE,
        ),
        WAKE,
        Stage(
            "smoke",
            "The staged deployment is used the way users use it.",
            asks=(health.staged_is_well, smoke.routes_answer, smoke.journeys_work),
            advises=(vitals.staged_page_is_light, skew.open_pages_go_on),
            patience=1 * MINUTE,
            every=5,
            rhythm={seen.OpenPages: 12},
        ),
        Stage(
            "confirm",
            "What may have changed since preflight is asked again, right before production moves.",
            asks=(order.is_still_newer, order.nobody_went_back),
            patience=1 * MINUTE,
            again=True,
        ),
        Stage(
            "promote",
            "Users get the release, without a rebuild and without an interruption.",
            does=(note_production, open_window, record_promotion, promote),
            asks=ARRIVED,
            patience=3 * MINUTE,
            every=1,
            proofs=PROOFS,
        ),
        Stage(
            "validate",
            "Production is asked what the staged deployment was asked, and the witnesses are heard.",
            does=(hold_domains, close_window),
            asks=(
                health.production_is_well,
                smoke.production_routes_answer,
                smoke.production_journeys_work,
                errors.no_new_critical,
                errors.rate_is_usual,
                services.uptime_is_confirmed,
                performance.pages_are_quick,
            ),
            advises=(performance.as_quick_as_before,),
            patience=2 * MINUTE,
            every=5,
            rhythm={seen.Monitor: 3, seen.LoadTimes: 3},
        ),
        Stage(
            "watch",
            "Somebody looks for as long as problems usually take to show, at every source in its own rhythm.",
            asks=(
                watch.still_live,
                watch.stays_well,
                watch.sign_in_stays_possible,
                watch.errors_stay_usual,
                watch.nothing_new_breaks,
                watch.monitor_stays_up,
                services.regions_have_seen_it,
            ),
            advises=(
                errors.endpoints_are_usual,
                storage.files_come_back,
                redis.redis_answers,
                redis.few_are_limited,
                capacity.connections_are_left,
                services.others_are_operational,
            ),
            during=10 * MINUTE,
            patience=2 * MINUTE,
            every=15,
            in_a_row=2,
            budget=8,
            rhythm=RHYTHM,
        ),
        Stage(
            "announce",
            "The others are told. What fails here is a warning: the release is out and well.",
            does=(record_release, record_deployment, tell_team),
            asks=(errors.release_is_recorded,),
            may_fail=True,
        ),
    ),
)

PREVIEW = Pipeline(
    "preview",
    "Builds a preview deployment and uses it the way users do; production is not involved.",
    (
        Stage(
            "preflight", "What can be known beforehand.", asks=(*ENVIRONMENT, calendar.no_freeze), patience=1 * MINUTE
        ),
        Stage(
            "build", "The release becomes a preview deployment.", (build,), (release.is_built,), patience=15 * MINUTE
        ),
        WAKE,
        Stage(
            "smoke",
            "The preview is used the way users use it.",
            asks=(health.staged_is_well, smoke.routes_answer, smoke.journeys_work),
            patience=1 * MINUTE,
            every=5,
        ),
    ),
)


def rolling_out(pipeline: Pipeline, policy: PromotionPolicy) -> Pipeline:
    """``pipeline`` with its promotion in shares: each is watched, and the next one is a step of its own."""
    if not policy.rolling:
        return pipeline
    watch = (rolling.share_is_ours, rolling.canary_is_well, rolling.canary_has_no_new_errors)

    def share(name: str, percent: int, does: tuple[Step, ...]) -> Stage:
        purpose = f"{percent} % of the visitors get the release, and it is watched."
        return Stage(name, purpose, does, watch, patience=3 * MINUTE, during=policy.rolling_watch, every=15)

    first, *others = policy.rolling
    stages = [share("promote", first, (note_production, open_window, record_promotion, promote))]
    stages += [share(f"share-{percent}", percent, (advance_to(percent),)) for percent in others]
    at = next(index for index, stage in enumerate(pipeline.stages) if stage.name == "promote")
    everybody = replace(pipeline.stages[at], name="complete", purpose="All visitors get the release.")
    everybody = replace(everybody, does=(complete_rolling_release,))
    return replace(pipeline, stages=(*pipeline.stages[:at], *stages, everybody, *pipeline.stages[at + 1 :]))


ROLLING = replace(
    rolling_out(DEPLOY, PromotionPolicy((10, 50))),
    name="rolling deploy",
    purpose="The same in shares of visitors; `promotion.rolling` in `deploy.yml` says which, here 10 % and 50 %.",
)

PIPELINES = {pipeline.name: pipeline for pipeline in (DEPLOY, PREVIEW, ROLLING)}


def pipeline_for(kind: str, promotion: PromotionPolicy) -> Pipeline:
    """The pipeline that a target of ``kind`` is deployed with."""
    return PREVIEW if kind == "preview" else rolling_out(DEPLOY, promotion)
