"""How the gates of ``checks.rolling`` are made to stop."""

from checks import rolling
from checks.policy import PromotionPolicy
from pipeline.selftest.breakage import Breakage, after
from pipeline.selftest.hands import (
    before_live,
    error,
    fault,
    it_is_over,
    live,
    move,
    repaired,
    staged,
    together,
    vercel,
)
from pipeline.selftest.lab import Lab

SHARES = (10, 50)
RUN = "rolling deploy"
CONFIG = "/v1/projects/{project}/rolling-release/config"
STAGES = [{"targetPercentage": share, "requireApproval": True} for share in SHARES] + [{"targetPercentage": 100}]
AGAIN = "ship the new commit with `--over-rollback`"


def in_shares(lab: Lab) -> None:
    """Set up a rolling release on which Vercel and deploy.yml agree: 10 %, 50 %, all; each is watched for a second."""
    lab.patch(vercel={"rolling_config": {"target": "production", "stages": STAGES}})
    lab.require(PromotionPolicy, rolling=SHARES, rolling_watch=1)


def _somebody_configures(lab: Lab) -> None:
    body = {
        "enabled": True, "advancementType": "manual-approval",
        "stages": [{"targetPercentage": 10}, {"targetPercentage": 100}],
    }  # fmt: skip
    lab.call(vercel("PATCH", CONFIG, json=body))


def _disabled(lab: Lab) -> None:
    lab.call(vercel("PATCH", CONFIG, json={"enabled": False}))


def _colleague_rolls(lab: Lab) -> None:
    lab.kept["before"] = live(lab)
    body = {"canaryDeploymentId": before_live(lab)}
    lab.call(vercel("POST", "/v1/projects/{project}/rolling-release/start", json=body))


def _aborted(lab: Lab) -> None:
    """Let a colleague end the rolling release, by rolling back."""
    move(lab, "rollback", live(lab))


def _canary_falls_ill(lab: Lab) -> None:
    lab.fault(f"app answer status=503 deployment={staged(lab)} /api/health/db")


def _noted(lab: Lab) -> None:
    lab.kept["before"] = live(lab)


def _rolled_back(lab: Lab) -> None:
    move(lab, "rollback", lab.kept["before"])


BREAKAGES = (
    Breakage(
        rolling.is_set_up, "state", "somebody configures a rolling release that deploy.yml does not know",
        _somebody_configures, "`vercel rolling-release configure --disable` when `promotion.rolling` is empty",
        _disabled,
    ),
    Breakage(
        rolling.nobody_else_is_rolling, "state", "a colleague has begun a rolling release", _colleague_rolls,
        "`vercel rollback $PREVIOUS` ends it", _rolled_back, rests=in_shares,
    ),
    Breakage(
        rolling.share_is_ours, "state", "a colleague ends the rolling release", _aborted,
        "the next run then needs `--over-rollback`", repaired, rests=in_shares, run=RUN, moment=after("promote"),
    ),
    Breakage(
        rolling.canary_is_well, "fault", "the release falls ill with its first visitors", _canary_falls_ill, AGAIN,
        repaired, rests=in_shares, run=RUN, moment=after("promote"),
    ),
    Breakage(
        rolling.canary_has_no_new_errors, "state", "the first visitors meet a new error three times",
        error("TypeError: grade is null", times=3), AGAIN, repaired, rests=in_shares, run=RUN, moment=after("promote"),
    ),
    Breakage(
        rolling.none_is_left, "fault", "Vercel refuses the rollback that would end the rolling release",
        together(_noted, _canary_falls_ill, fault("vercel answer status=503 POST */rollback/*")),
        "Run `vercel rollback $PREVIOUS`: it ends the rolling release", together(it_is_over, _rolled_back),
        rests=in_shares, run=RUN, moment=after("promote"), back=True,
    ),
)  # fmt: skip
