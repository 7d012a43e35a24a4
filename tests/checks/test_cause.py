"""Which finding is named as the cause of a stop, when there are several."""

from dataclasses import replace

import pytest

from checks.cause import COUNTS, PEOPLE, WHOSE, first_cause
from checks.gate import Finding, Verdict, block, not_yet, too_little
from pipeline.definitions.every import GATES

ILL = ("watch.stays-well", not_yet("/api/health", "answered 503", severity="P0"))
NEW = ("watch.nothing-new-breaks", block("TypeError", "is a new error (9 events)", severity="P1"))
MORE = ("watch.errors-stay-usual", not_yet("the release", "errs more than usual"))
DOWN = ("watch.monitor-stays-up", not_yet("the monitor", "is down"))
MOVED = ("watch.still-live", block("shop.example", "points to dpl_other now"))
ROUTE = ("smoke.production-routes-answer", block("/login", "answered 500"))
BLIND = ("watch.stays-well", Finding(Verdict.UNKNOWN, "Vercel", "could not be asked"))
THIN = ("watch.errors-stay-usual", too_little("the release", "got 3 requests"))
ALIKE = ("watch.stays-well", replace(ILL[1], shared=True))
CI = ("source.ci-is-green", not_yet("build", "is running"))
UNSET = ("environment.required-variables", block("DATABASE_URL", "is not set"))
UNASKED = ("approval.is-approved", block("release", "has 0 of 1 approvals"))
FROZEN = ("calendar.no-freeze", not_yet("freeze", "lasts until Monday"))


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ([ILL], ILL),
        ([NEW, ILL], ILL),
        ([DOWN, MORE, NEW, ILL], ILL),
        ([MORE, NEW], NEW),
        ([MORE, DOWN], MORE),
        ([ILL, ROUTE], ROUTE),
        ([ILL, NEW, MOVED], MOVED),
        ([BLIND, MORE], MORE),
        ([BLIND, NEW], NEW),
        ([BLIND], BLIND),
        ([THIN, NEW], NEW),
        ([THIN, BLIND], THIN),
        ([ALIKE, NEW], NEW),
        ([ALIKE, BLIND], ALIKE),
        ([CI, UNSET], UNSET),
        ([UNASKED, FROZEN], FROZEN),
        ([UNASKED], UNASKED),
    ],
)
def test_the_cause_is_what_a_person_would_name_first(
    said: list[tuple[str, Finding]], named: tuple[str, Finding]
) -> None:
    assert first_cause(said) is named[1]


def test_blindness_while_production_moves_is_a_reason_to_go_back() -> None:
    assert first_cause([ALIKE, BLIND], lambda finding: finding.shared) is BLIND[1]


def test_the_names_are_those_of_gates() -> None:
    assert {gate.name for gate in GATES} >= WHOSE | COUNTS | PEOPLE
