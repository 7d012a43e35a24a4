"""What the troubleshooting guide says a person should check, checked: questions for each kind of trouble."""

from checks import (
    auth,
    baseline,
    books,
    capacity,
    environment,
    errors,
    health,
    performance,
    redis,
    services,
    smoke,
    storage,
    uptime,
    vitals,
)
from checks.gate import Gate
from pipeline.engine.plan import Pipeline, Stage


def _of(name: str, symptoms: str, *asks: Gate) -> Pipeline:
    return Pipeline(f"diagnose.{name}", symptoms, (Stage(name, symptoms, asks=asks),))


DIAGNOSES = {
    one.stages[0].name: one
    for one in (
        _of(
            "storage",
            "File upload fails, 500 errors.",
            storage.bucket_answers,
            storage.files_come_back,
            storage.bucket_has_room,
            environment.required_variables,
            environment.variables_have_shape,
            services.others_are_operational,
        ),
        _of(
            "auth",
            "Login fails, 401 errors.",
            auth.auth_answers,
            auth.auth_is_set_up,
            smoke.production_journeys_work,
            health.is_well_before,
            errors.nothing_critical_today,
        ),
        _of(
            "rate-limit",
            "429 errors.",
            redis.redis_answers,
            redis.few_are_limited,
            redis.redis_is_within_limits,
            services.others_are_operational,
        ),
        _of(
            "build",
            "Deployment fails.",
            books.builds_work,
            environment.required_variables,
            environment.variables_have_shape,
            services.vercel_is_operational,
            services.others_are_operational,
        ),
        _of(
            "errors",
            "An error spike, or an error nobody knows.",
            errors.nothing_critical_today,
            errors.hour_is_usual,
            errors.endpoints_are_usual,
            errors.sessions_do_not_crash,
            errors.nothing_recurs,
            errors.release_is_recorded,
            books.runs_ended_well,
        ),
        _of(
            "performance",
            "Pages are slow.",
            performance.pages_are_quick,
            performance.as_quick_as_before,
            uptime.is_well_now,
            vitals.visitors_feel_well,
            capacity.connections_are_left,
            capacity.compute_is_ready,
            redis.redis_answers,
            baseline.week_is_usual,
            services.vercel_is_operational,
            services.neon_is_operational,
        ),
    )
}
