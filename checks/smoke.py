"""Asks whether a user can use the site."""

from collections.abc import Iterable
from dataclasses import replace

from checks.control import told_apart
from checks.evidence import (
    ControlJourneys,
    ControlVisits,
    Journey,
    ProductionJourneys,
    ProductionVisits,
    StagedJourneys,
    StagedVisits,
    Visit,
)
from checks.gate import Finding, Findings, block, gate, not_yet, warn
from checks.policy import Route, SmokePolicy
from checks.protection import protected


def _routes(policy: SmokePolicy, visits: Iterable[Visit]) -> Findings:
    wanted = {route.path: route for route in policy.routes}
    for visit in visits:
        found = _ill(policy, wanted[visit.path], visit)
        if found and wanted[visit.path].advisory:
            yield warn(found.subject, f"{found.says} (advisory)", fix=found.fix)
        elif found:
            yield found


def _ill(policy: SmokePolicy, route: Route, visit: Visit) -> Finding | None:
    """Find what is wrong with one visit. A wrong page is a no at once; one that may still be waking up is not yet."""
    fix = f"curl -sS -i -L {visit.landed}"
    if visit.protected:
        return protected(visit.path)
    if visit.left_site:
        return block(visit.path, f"redirects away from the site, to {visit.landed}", fix=fix)
    if visit.status == 0:
        return not_yet(visit.path, f"gave no answer: {visit.failure}", fix=fix)
    if visit.status != route.status:
        return not_yet(visit.path, f"answered {visit.status}, not {route.status}", fix=fix)
    if visit.failure:
        return not_yet(visit.path, visit.failure, fix=fix)
    if visit.error_page:
        return block(visit.path, f"answered {visit.status} with an error page: {visit.error_page}", fix=fix)
    if not visit.has_content:
        return block(visit.path, f"does not contain {route.contains!r}" if route.contains else "is empty", fix=fix)
    if visit.ms > policy.slowest_ms:
        return not_yet(visit.path, f"took {visit.ms} ms, more than {policy.slowest_ms} ms", fix=fix)
    return None


def _kind(policy: SmokePolicy, visit: Visit) -> tuple[object, ...]:
    """Name the kind of the server's failure; two deployments fail alike when this is equal.

    Empty when nothing is wrong, and for what only says that the old build is older: a page or a text it never had.
    """
    route = next(route for route in policy.routes if route.path == visit.path)
    if _ill(policy, route, visit) is None or visit.protected or visit.left_site or "no time was left" in visit.failure:
        return ()
    slow = visit.ms > policy.slowest_ms and visit.status == route.status
    ours = visit.status == 0 or visit.status >= 500 or bool(visit.failure or visit.error_page) or slow
    return (visit.status // 100, bool(visit.error_page), slow) if ours else ()


def _alike(policy: SmokePolicy, seen: Iterable[Visit], control: Iterable[Visit]) -> frozenset[str]:
    """List the paths whose visits fail in the same way on both deployments."""
    other = {visit.path: _kind(policy, visit) for visit in control}
    return frozenset(v.path for v in seen if _kind(policy, v) and other.get(v.path) == _kind(policy, v))


def _journeys(policy: SmokePolicy, journeys: Iterable[Journey]) -> Findings:
    for journey in journeys:
        if not journey.failed_at:
            continue
        says = f"fails at {journey.failed_at}: {journey.says}"
        if journey.name in policy.advisory:
            yield warn(journey.name, f"{says} (advisory)")
        else:
            yield not_yet(journey.name, says, severity="P0")


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
routes_answer.stops_when(
    "Deployment Protection answers instead of the app",
    lambda p, s: (p, StagedVisits(_first(s.visits, status=401, protected=True))),
)


@gate(owner="developer")
def journeys_work(policy: SmokePolicy, seen: StagedJourneys) -> Findings:
    """On the staged deployment a user can do what `smoke.journeys` declares: sign in, open a page behind it, upload.

    Why: Pages that answer are not yet an app that works; sign-in and upload need secrets, cookies and storage.

    By hand: Open `$STAGED` in a browser, sign in as the smoke user, and do each journey under `smoke.journeys` in
        `deploy.yml`: open its pages, upload a small file and download it again.

    If it fails: Production is untouched. The step it failed at names the service: sign-in is NextAuth
        (`NEXTAUTH_SECRET`, `NEXTAUTH_URL`), upload is R2 (`R2_*`). Set it on Vercel, or fix the code, and start a new
        run.
    """
    yield from _journeys(policy, seen.journeys)


journeys_work.stops_when(
    "sign-in is broken",
    lambda p, s: (
        p,
        StagedJourneys((Journey("login", "session", "no session after signing in", 80), *s.journeys[1:])),
    ),
)


@gate(owner="on-call")
def production_routes_answer(policy: SmokePolicy, seen: ProductionVisits, control: ControlVisits) -> Findings:
    """Every smoke route answers on the production domain.

    Why: Users come by the production domain, with its redirects, its cache and its certificate.

    By hand:
        For each route under `smoke.routes` in `deploy.yml` run `curl -sS -i -L $PRODUCTION/` with its path.
        When one fails, ask the old deployment at its own address too: `curl -sS -i -L $PREVIOUS_URL/`. If it fails
        alike, the fault is not in the release.

    If it fails: The run goes back by itself, unless the old deployment fails alike. By hand:
        `vercel rollback $PREVIOUS`. Then fix it and ship the new commit with `--over-rollback`: the rollback has
        pinned production.
    """
    yield from told_apart(_routes(policy, seen.visits), _alike(policy, seen.visits, control.visits))


production_routes_answer.stops_when(
    "a page fails only in production", lambda p, s, c: (p, ProductionVisits(_first(s.visits, status=500)), c)
)
production_routes_answer.stops_when(
    "a page begins with 200 and never ends",
    lambda p, s, c: (
        p,
        ProductionVisits(_first(s.visits, failure="answered 200, and its body did not end within 20 s")),
        c,
    ),
)
production_routes_answer.stops_when(
    "a page fails on the old deployment too",
    lambda p, s, c: (
        p,
        ProductionVisits(_first(s.visits, status=500)),
        ControlVisits(_first(s.visits, status=502)),
    ),
)


@gate(owner="on-call")
def production_journeys_work(policy: SmokePolicy, seen: ProductionJourneys, control: ControlJourneys) -> Findings:
    """In production a user can do what `smoke.journeys` declares: sign in, open a page behind it, upload.

    Why: Callback addresses and cookies are bound to the production domain; only there they are really tried.

    By hand: Open `$PRODUCTION` in a browser, sign in as the smoke user, and do each journey under `smoke.journeys` in
        `deploy.yml`. What fails, try at `$PREVIOUS_URL` too.

    If it fails: The run goes back by itself, unless the old deployment fails alike. By hand:
        `vercel rollback $PREVIOUS`. Then fix it and ship the new commit with `--over-rollback`: the rollback has
        pinned production.
    """
    where = {journey.name: journey.failed_at for journey in control.journeys if journey.failed_at}
    alike = (one.name for one in seen.journeys if one.failed_at and where.get(one.name) == one.failed_at)
    yield from told_apart(_journeys(policy, seen.journeys), alike)


production_journeys_work.stops_when(
    "sign-in fails in production",
    lambda p, s, c: (p, ProductionJourneys((Journey("login", "sign in", "answered 401", 80), *s.journeys[1:])), c),
)
