"""How the gates of ``checks.redis`` are made to stop."""

from dataclasses import replace

from checks import redis
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.errors import HOUR, visitors
from pipeline.selftest.hands import later, patch
from pipeline.selftest.lab import Lab

TOKEN = "c" * 56


def _set_again(lab: Lab) -> None:
    lab.settings = replace(lab.settings, secrets={**lab.settings.secrets, "UPSTASH_REDIS_REST_TOKEN": TOKEN})


def _limited(lab: Lab) -> None:
    visitors(lab, 90, "/api/auth/callback/credentials", status=429)


BREAKAGES = (
    Breakage(
        redis.redis_answers, "state", "somebody resets Redis' token", patch(upstash={"token": TOKEN}),
        "set `UPSTASH_REDIS_REST_TOKEN` again", _set_again,
    ),
    Breakage(
        redis.redis_is_within_limits, "state", "Redis has nearly all of its connections",
        patch(upstash={"connection_count": 9700}), "A larger plan", patch(upstash={"db_max_clients": 50000}),
    ),
    Breakage(
        redis.few_are_limited, "state", "ninety requests in an hour were answered 429", _limited,
        "The last hour counts, so ask again an hour later", later(HOUR + 60), rests=lambda lab: visitors(lab, 60),
    ),
    Breakage(
        redis.redis_is_within_limits, "state", "Upstash suspends the database", patch(upstash={"state": "suspended"}),
        "When it is suspended, Upstash's console says why", patch(upstash={"state": "active"}),
    ),
)  # fmt: skip
