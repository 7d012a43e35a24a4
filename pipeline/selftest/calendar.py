"""How the gates of ``checks.calendar`` are made to stop."""

import datetime

from checks import calendar
from checks.policy import FreezePolicy, FreezeWindow
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import fault, it_is_over, later
from pipeline.selftest.lab import Lab

WEEK = 7 * 86400


def _exams(lab: Lab) -> None:
    now = lab.clock.now().replace(tzinfo=None)
    window = FreezeWindow("exam week", now - datetime.timedelta(days=1), now + datetime.timedelta(days=5))
    lab.require(FreezePolicy, windows=(window,))


BREAKAGES = (
    Breakage(
        calendar.no_freeze,
        "policy",
        "deploy.yml has a freeze until the end of the exams",
        _exams,
        "Wait for the end of the freeze",
        later(WEEK),
    ),
    Breakage(
        calendar.clock_is_right,
        "fault",
        "the clock of the machine that deploys is an hour behind everybody's",
        fault("all clock seconds=3600"),
        "Let the machine set its clock by itself",
        it_is_over,
    ),
)
