"""A freeze is a time on a clock somewhere: whose, is said by the zone or by the time itself."""

import datetime
from pathlib import Path

import pytest

from checks.calendar import no_freeze
from checks.evidence import Moment
from checks.policy import FreezePolicy
from pipeline.config import load

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY_FILE = (ROOT / "deploy.yml").read_text(encoding="utf-8")


def freeze(folder: Path, starts: str, ends: str, zone: str = "Europe/Berlin") -> FreezePolicy:
    """The policy that a deploy.yml with this window has, read as every command reads it."""
    text = DEPLOY_FILE.replace("  timezone: UTC", f"  timezone: {zone}")
    window = f"  windows: [{{reason: exams, starts: {starts}, ends: {ends}}}]"
    line = next(line for line in text.splitlines() if line.startswith("  windows: []"))
    file = folder / "deploy.yml"
    file.write_text(text.replace(line, window), encoding="utf-8")
    return load(file).policies["sandbox"].freeze


def said(policy: FreezePolicy, moment: str) -> list[str]:
    return [str(one) for one in no_freeze.judge(policy, Moment(datetime.datetime.fromisoformat(moment)))]


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ("2026-12-14 08:00:00", "2026-12-14 10:00:00"),
        ("2026-12-14T07:00:00Z", "2026-12-14T09:00:00Z"),
        ("2026-12-14T09:00:00+02:00", "2026-12-14T11:00:00+02:00"),
        ("2026-12-14 08:00:00", "2026-12-14T09:00:00Z"),
    ],
)
def test_a_window_is_the_same_two_hours_whichever_way_it_is_written(tmp_path: Path, starts: str, ends: str) -> None:
    policy = freeze(tmp_path, starts, ends)
    assert said(policy, "2026-12-14T06:59:59+00:00") == []
    assert said(policy, "2026-12-14T07:00:00+00:00") == ["the freeze lasts until 2026-12-14 10:00 Europe/Berlin: exams"]
    assert len(said(policy, "2026-12-14T08:59:59+00:00")) == 1
    assert said(policy, "2026-12-14T09:00:00+00:00") == []
