"""Can a student use it?"""

from collections.abc import Iterable
from dataclasses import replace

from checks.evidence import Journey, ProductionJourneys, ProductionVisits, StagedJourneys, StagedVisits, Visit
from checks.gate import Findings, block, gate, not_yet
from checks.policy import SmokePolicy


def _routes(policy: SmokePolicy, visits: Iterable[Visit]) -> Findings:
    wanted = {route.path: route for route in policy.routes}
    for visit in visits:
        fix = f"curl -sS -i -L {visit.landed}"
        if visit.left_site:
            yield block(visit.path, f"redirects away from the site, to {visit.landed}", fix=fix)
        elif visit.status == 0:
            yield not_yet(visit.path, f"gave no answer: {visit.failure}", fix=fix)
        elif visit.status in (401, 403) and wanted[visit.path].status == 200:
            yield block(
                visit.path,
                f"answered {visit.status}: is Deployment Protection on and VERCEL_AUTOMATION_BYPASS_SECRET not set?",
                fix="set VERCEL_AUTOMATION_BYPASS_SECRET",
            )
        elif visit.status != wanted[visit.path].status:
            yield not_yet(visit.path, f"answered {visit.status}, not {wanted[visit.path].status}", fix=fix)
        elif visit.error_page:
            yield block(visit.path, f"answered {visit.status} with an error page: {visit.error_page}", fix=fix)
        elif not visit.has_content:
            yield block(visit.path, f"does not contain {wanted[visit.path].contains!r}", fix=fix)
        elif visit.ms > policy.slowest_ms:
            yield not_yet(visit.path, f"took {visit.ms} ms, more than {policy.slowest_ms} ms", fix=fix)


def _journeys(journeys: Iterable[Journey]) -> Findings:
    for journey in journeys:
        if journey.failed_at:
            yield not_yet(journey.name, f"fails at {journey.failed_at}: {journey.says}")


def _first(visits: tuple[Visit, ...], **changes: object) -> tuple[Visit, ...]:
    return (replace(visits[0], **changes), *visits[1:])  # type: ignore[arg-type]


@gate(owner="developer")
def routes_answer(policy: SmokePolicy, seen: StagedVisits) -> Findings:
    """Every smoke route of the staged deployment answers as it should.

    Why: Next.js can answer 200 with an error page, and a redirect can lead off the site: the status alone is no proof.

    By hand:
        For each route under `smoke.routes` in `deploy.yml` run `curl -sS -i -L $STAGED/` with its path.
        Look at the final status and address, and read the page: no "Application error".

    If it fails: Production is untouched. Read `vercel logs --deployment $STAGED`, fix it and start a new run.
    """
    yield from _routes(policy, seen.visits)


routes_answer.stops_when("a page answers 500", lambda p, s: (p, StagedVisits(_first(s.visits, status=500))))
routes_answer.stops_when(
    "a page answers 200 with an error page",
    lambda p, s: (p, StagedVisits(_first(s.visits, error_page="Application error: a server-side exception"))),
)
routes_answer.stops_when(
    "a page redirects off the site",
    lambda p, s: (p, StagedVisits(_first(s.visits, left_site=True, landed="https://elsewhere.example/"))),
)


@gate(owner="developer")
def journeys_work(seen: StagedJourneys) -> Findings:
    """On the staged deployment a student can sign in, open a course and upload a file.

    Why: Pages that answer are not yet an app that works; sign-in and upload need secrets, cookies and storage.

    By hand: Open `$STAGED/login` in a browser, sign in as the smoke student, open a course, upload a small file and
        download it again.

    If it fails: Production is untouched. The step it failed at names the service: sign-in is NextAuth
        (`NEXTAUTH_SECRET`, `NEXTAUTH_URL`), upload is R2 (`R2_*`).
    """
    yield from _journeys(seen.journeys)


journeys_work.stops_when(
    "sign-in is broken",
    lambda s: (StagedJourneys((Journey("login", "session", "no session after signing in", 80), *s.journeys[1:])),),
)


@gate(owner="on-call")
def production_routes_answer(policy: SmokePolicy, seen: ProductionVisits) -> Findings:
    """Every smoke route answers on the production domain.

    Why: Users come by the production domain, with its redirects, its cache and its certificate.

    By hand: For each route under `smoke.routes` in `deploy.yml` run `curl -sS -i -L $PRODUCTION/` with its path.

    If it fails: The run goes back by itself. By hand: `vercel rollback $PREVIOUS`.
    """
    yield from _routes(policy, seen.visits)


production_routes_answer.stops_when(
    "a page fails only in production", lambda p, s: (p, ProductionVisits(_first(s.visits, status=500)))
)


@gate(owner="on-call")
def production_journeys_work(seen: ProductionJourneys) -> Findings:
    """In production a student can sign in, open a course and upload a file.

    Why: Callback addresses and cookies are bound to the production domain; only there they are really tried.

    By hand: Open `$PRODUCTION/login` in a browser, sign in as the smoke student, open a course, upload a small file
        and download it again.

    If it fails: The run goes back by itself. By hand: `vercel rollback $PREVIOUS`.
    """
    yield from _journeys(seen.journeys)


production_journeys_work.stops_when(
    "sign-in fails in production",
    lambda s: (ProductionJourneys((Journey("login", "sign in", "answered 401", 80), *s.journeys[1:])),),
)
