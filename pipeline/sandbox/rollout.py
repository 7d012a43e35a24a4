"""Routes production's visitors: to one deployment, or in stages from one to the next (a rolling release)."""

from typing import Any

from pipeline.sandbox.vercelstate import AliasJob, RollingRelease, Vercel

MINUTE = 60.0


def move(vercel: Vercel, id: str, now: float) -> None:
    """Point the production domain to a deployment; nothing happens when that is gone."""
    if id in vercel.deployments:
        vercel.production_since = vercel.production_since if vercel.production == id else now
        vercel.production = id
        vercel.deployments[id].was_production = True


def active(vercel: Vercel) -> RollingRelease | None:
    """Find the rolling release that is under way."""
    return vercel.rolling if vercel.rolling and vercel.rolling.state == "ACTIVE" else None


def begin(vercel: Vercel, canary: str, now: float, number: int, stuck: bool = False) -> RollingRelease:
    """Begin a rolling release: the first stage's share goes to ``canary``. ``number`` makes its id."""
    assert vercel.rolling_config is not None
    stages = [dict(stage) for stage in vercel.rolling_config["stages"]]
    rolling = RollingRelease(f"rr_{number}", vercel.production, canary, stages, now, now, now, stuck=stuck)
    vercel.rolling, vercel.deployments[canary].was_canary = rolling, True
    if is_final(rolling, 0):
        complete(vercel, rolling, now, number)
    return rolling


def is_final(rolling: RollingRelease, stage: int) -> bool:
    return stage >= len(rolling.stages) - 1


def seconds_of(stage: dict[str, Any]) -> float | None:
    """The seconds that a stage takes by itself; None when somebody must approve it."""
    if stage.get("requireApproval") or not stage.get("duration"):
        return None
    return float(stage["duration"]) * MINUTE


def due(rolling: RollingRelease) -> float | None:
    """The time at which the active stage ends by itself."""
    takes = seconds_of(rolling.stages[rolling.stage])
    return None if takes is None or rolling.stuck else rolling.since + takes


def enter(vercel: Vercel, rolling: RollingRelease, stage: int, now: float, number: int) -> None:
    """Begin a stage; the final one is the end of it. ``number`` makes the id of the release that was waiting."""
    rolling.stage, rolling.since, rolling.updated = stage, now, now
    if is_final(rolling, stage):
        complete(vercel, rolling, now, number)


def complete(vercel: Vercel, rolling: RollingRelease, now: float, number: int) -> None:
    """Send all visitors to the canary, and begin the release that was promoted meanwhile."""
    rolling.state, rolling.stage, rolling.updated = "COMPLETE", len(rolling.stages) - 1, now
    vercel.job = AliasJob("promote", rolling.current, rolling.canary, now, 0, done=True, rolling=rolling.id)
    vercel.auto_assign = True
    move(vercel, rolling.canary, now)
    if rolling.queued in vercel.deployments and vercel.rolling_config:
        begin(vercel, rolling.queued, now, number)


def abort(rolling: RollingRelease, now: float) -> None:
    """Send all visitors to the deployment that they came from; what was waiting is forgotten."""
    rolling.state, rolling.updated, rolling.queued = "ABORTED", now, ""


def share(rolling: RollingRelease) -> float:
    """The percent of production's visitors that the canary gets now."""
    return float(rolling.stages[rolling.stage]["targetPercentage"]) if rolling.state == "ACTIVE" else 0.0


class Visitors:
    """Spreads production's visitors evenly: of every hundred the canary gets its percentage."""

    def __init__(self) -> None:
        self._stage, self._count = ("", 0), 0

    def next(self, vercel: Vercel) -> str:
        """Choose the deployment for one more visitor."""
        rolling = active(vercel)
        if rolling is None:
            return vercel.production
        if self._stage != (rolling.id, rolling.stage):
            self._stage, self._count = (rolling.id, rolling.stage), 0
        self._count += 1
        hit = int(self._count * share(rolling) / 100) > int((self._count - 1) * share(rolling) / 100)
        return rolling.canary if hit else rolling.current
