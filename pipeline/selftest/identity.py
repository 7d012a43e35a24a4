"""How the gates of ``checks.identity`` are made to stop."""

import json
from dataclasses import replace

from checks import identity
from checks.policy import IdentityPolicy
from pipeline.selftest.breakage import GOING_BACK, Breakage, after
from pipeline.selftest.hands import (
    Act,
    bad_everywhere,
    before_live,
    it_is_over,
    live,
    patch,
    repaired,
    require,
    shipping,
    staged,
    together,
)
from pipeline.selftest.lab import Lab

ANONYMOUS = 'Response.json({"status": "ok"})'
SECRET = "bypass-for-the-lab"


def _an_edge_answers_as(who: str) -> Act:
    """Let an edge keep an old answer: the domain is right, and the answer is another build's."""

    def act(lab: Lab) -> None:
        found = {"old": before_live, "bad": staged, "live": live}[who](lab)
        says = json.dumps({"status": "ok", "deployment": found}, separators=(",", ":"))
        lab.fault(f"app answer status=200 where=production 'json={says}' GET /api/health/db")

    return act


def _bypass(lab: Lab) -> None:
    lab.settings = replace(lab.settings, secrets={**lab.settings.secrets, "VERCEL_AUTOMATION_BYPASS_SECRET": SECRET})


BREAKAGES = (
    Breakage(
        identity.staged_is_itself, "state", "Deployment Protection is switched on for previews",
        patch(vercel={"protection": True, "bypass_secret": SECRET}), "set `VERCEL_AUTOMATION_BYPASS_SECRET`", _bypass,
        run="preview",
    ),
    Breakage(
        identity.production_is_release, "fault", "an edge goes on answering as the old build after the promotion",
        _an_edge_answers_as("live"), "ship the new commit with `--over-rollback`", together(it_is_over, repaired),
        run="deploy", moment=after("note-production"),
    ),
    Breakage(
        identity.production_is_previous, "fault", "an edge goes on answering as the bad release after the rollback",
        _an_edge_answers_as("bad"), "purge what the edges keep, `vercel cache purge --type cdn`", it_is_over,
        run="deploy", moment=GOING_BACK, back=True,
    ),
    Breakage(
        identity.staged_is_itself, "release", "the release's health check does not say which build it is",
        together(require(IdentityPolicy, proof=("commit",)), bad_everywhere("/api/health/db", ANONYMOUS)),
        "let the health check answer `VERCEL_GIT_COMMIT_SHA`", shipping(), run="preview",
    ),
)  # fmt: skip
