"""How the gates of ``checks.vitals`` are made to stop."""

from checks import vitals
from checks.policy import VitalsPolicy
from pipeline.clients.browser import Browser
from pipeline.sandbox.state import State
from pipeline.sandbox.vercel.vitals import quiet_day
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.errors import DAY, HOUR, visitors
from pipeline.selftest.hands import INDEX, everywhere, later, require, shipping
from pipeline.selftest.lab import Lab

JUMPS = (
    "<script>const late = document.createElement('div'); document.body.prepend(late);"
    " setInterval(() => { late.style.height = late.style.height ? '' : '300px' }, 150)</script>"
)
"""What comes late and pushes everything down, again and again, so that a slow machine sees it, too."""
HEAVY = (
    f'if request.path == "/": return Response.html((await courses.catalogue(request)).body.decode() + """{JUMPS}""")'
)


def _pages_paint_late(lab: Lab) -> None:
    def slow(state: State) -> None:
        for vital in state.vercel.vitals:
            if vital.metric == "lcp_ms":
                vital.value *= 2

    lab.state(slow)


def _a_good_day_later(lab: Lab) -> None:
    lab.clock.move(DAY)
    now = lab.clock.now().timestamp()
    lab.state(lambda state: setattr(state.vercel, "vitals", quiet_day(state.vercel.production, now)))


def _visitors_of_two_weeks(lab: Lab) -> None:
    visitors(lab, 200)
    for days in (7.5, 6.5):
        visitors(lab, 200, ago=days * DAY)


def _no_browser() -> str:
    return Browser({}, {}).missing


def _they_come_again(lab: Lab) -> None:
    visitors(lab, 200)


BREAKAGES = (
    Breakage(
        vitals.visitors_feel_well, "state", "pages paint twice as late for real visitors", _pages_paint_late,
        "it is well again a day after the cure", _a_good_day_later,
    ),
    Breakage(
        vitals.staged_page_is_light, "release", "something comes late and pushes the front page down",
        shipping(edits={INDEX: everywhere(HEAVY)}), "ship a lighter one", shipping(),
        rests=require(VitalsPolicy, lab=True, lab_times=1, lcp_ms=20_000, inp_ms=20_000), run="deploy",
        lacks=_no_browser,
    ),
    Breakage(
        vitals.visitors_come, "state", "nobody comes for a day", later(DAY + HOUR),
        "Otherwise follow the playbook *Site Down*", _they_come_again, rests=_visitors_of_two_weeks,
    ),
)  # fmt: skip
