"""The plans that runs have read: what exactly would ship, each time that changed."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from checks.evidence import ReleasePlan
from checks.evidence.approval import EarlierPlan, Part
from pipeline.record.bounded import Store
from pipeline.record.journal import Event

KIND = "plan read"
MOST = 200  # plans, the newest of all: those of one commit are read within days


def plan_in(events: Iterable[Event]) -> ReleasePlan | None:
    """The last plan that a run has read; None when it has read none."""
    found = None
    for event in events:
        if event.kind == KIND:
            found = plan_of(event.body["plan"])
    return found


def plans_of(store: Store, target: str, commit: str) -> tuple[EarlierPlan, ...]:
    """The plans of a commit that runs to a target have read, oldest first."""
    sql = "select run, at, body from deploy_events where kind = ? order by seq desc limit ?"
    read = ((run, at, plan_of(json.loads(text)["plan"])) for run, at, text in store.execute(sql, KIND, MOST))
    same = [(run, EarlierPlan(at, plan)) for run, at, plan in read if plan.commit == commit]
    targets = {run: _target_of(store, run) for run in {run for run, _ in same}}
    return tuple(one for run, one in reversed(same) if targets[run] == target)


def _target_of(store: Store, run: str) -> str:
    sql = "select body from deploy_events where run = ? and kind = 'run begins' limit 1"
    return next((str(json.loads(text).get("target", "")) for (text,) in store.execute(sql, run)), "")


def plan_of(said: Mapping[str, Any]) -> ReleasePlan:
    """A plan as the journal has it."""
    at = str(said.get("environment_at", ""))
    return ReleasePlan(said["commit"], parts_of(said["parts"]), tuple(said["pending"]), at)


def parts_of(said: Iterable[Iterable[str]]) -> tuple[Part, ...]:
    """The parts of a plan as the journal has them."""
    return tuple((str(name), str(digest)) for name, digest in said)
