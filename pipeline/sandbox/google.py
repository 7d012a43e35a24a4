"""Emulates Google: what Chrome's users met (CrUX), and a page that is looked at in the lab (PageSpeed Insights)."""

import datetime
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core, Visit, iso
from pipeline.sandbox.web import Payload, Problem, Router, body

GOOD_AND_POOR = {
    "largest_contentful_paint": (2500, 4000),
    "interaction_to_next_paint": (200, 500),
    "first_contentful_paint": (1800, 3000),
    "cumulative_layout_shift": (0.1, 0.25),
    "experimental_time_to_first_byte": (800, 1800),
}
FORM_FACTORS = ("ALL_FORM_FACTORS", "PHONE", "DESKTOP", "TABLET")
DENSITIES = ((0.82, 0.13, 0.05), (0.61, 0.29, 0.1), (0.42, 0.2, 0.38))
"""Of good, middling and poor visits, when the 75th percentile is good, middling or poor."""
A_DAY, PERIOD_DAYS, A_WEEK = 86400.0, 28, 7
AUDITS: dict[str, tuple[str, str, float, float, float]] = {
    "server-response-time": ("Initial server response time was short", "millisecond", 600, 1800, 0),
    "first-contentful-paint": ("First Contentful Paint", "millisecond", 1800, 3000, 0.1),
    "largest-contentful-paint": ("Largest Contentful Paint", "millisecond", 2500, 4000, 0.25),
    "total-blocking-time": ("Total Blocking Time", "millisecond", 200, 600, 0.3),
    "cumulative-layout-shift": ("Cumulative Layout Shift", "unitless", 0.1, 0.25, 0.25),
}
"""By audit: its title, unit, what is good and what is poor, and its weight in the whole."""
SLOWER = {"mobile": 4.0, "desktop": 1.0}
CATEGORIES = ("ACCESSIBILITY", "BEST_PRACTICES", "PERFORMANCE", "PWA", "SEO")


class GoogleApi:
    """Serves Google's API; it wants the key ``google`` of the tokens, as ``?key=`` or ``x-goog-api-key``."""

    def __init__(self, core: Core) -> None:
        self._core = core
        core.state.tokens.setdefault("google", secrets.token_hex(20))
        self._router = Router(lambda request: problem(404, "NOT_FOUND", "Requested entity was not found."))
        self._router.add("POST", "/v1/records:queryRecord", self.record)
        self._router.add("POST", "/v1/records:queryHistoryRecord", self.history)
        self._router.add("GET", "/pagespeedonline/v5/runPagespeed", self.page)

    async def __call__(self, request: Request) -> Response:
        try:
            return await self._router(request)
        except (ValueError, TypeError) as error:
            return problem(400, "INVALID_ARGUMENT", f"Invalid JSON payload received. {error}").response()

    def _authorize(self, request: Request, anonymous: Problem) -> None:
        key = request.query_params.get("key") or request.headers.get("x-goog-api-key")
        if not key:
            raise anonymous
        if key != self._core.state.tokens["google"]:
            details = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
                       "domain": "googleapis.com"}  # fmt: skip
            says = "API key not valid. Please pass a valid API key."
            raise problem(400, "INVALID_ARGUMENT", says, details=[details])

    async def record(self, request: Request) -> Response:
        """Answer with the last 28 days: p75 and how many visits were good, middling and poor."""
        key, sent = await self._asked(request)
        metrics = {name: _metric(name, p75) for name, p75 in self._known(sent).items()}
        return JSONResponse({"record": {"key": key, "metrics": metrics, "collectionPeriod": self._period(0)}})

    async def history(self, request: Request) -> Response:
        """Answer with the same record for every week, the oldest first: here they were all alike."""
        key, sent = await self._asked(request)
        count = sent.get("collectionPeriodCount", 25)
        if not isinstance(count, int) or not 1 <= count <= 40:
            raise problem(400, "INVALID_ARGUMENT", "collection_period_count must be in the range [1, 40].")
        metrics = {}
        for name, p75 in self._known(sent).items():
            week = _metric(name, p75)
            bins = [
                {**{k: v for k, v in each.items() if k != "density"}, "densities": [each["density"]] * count}
                for each in week["histogram"]
            ]
            metrics[name] = {
                "histogramTimeseries": bins,
                "percentilesTimeseries": {"p75s": [week["percentiles"]["p75"]] * count},
            }
        periods = [self._period(weeks) for weeks in range(count - 1, -1, -1)]
        return JSONResponse({"record": {"key": key, "metrics": metrics, "collectionPeriods": periods}})

    async def _asked(self, request: Request) -> tuple[Payload, Payload]:
        """Read the key of the record and what was sent. 404 when there is too little traffic for a record."""
        unregistered = "Method doesn't allow unregistered callers (callers without established identity)."
        self._authorize(request, problem(403, "PERMISSION_DENIED", unregistered))
        sent = await body(request)
        named = [name for name in ("origin", "url") if sent.get(name)]
        if len(named) != 1:
            raise problem(400, "INVALID_ARGUMENT", "Exactly one of origin or url must be set.")
        factor = sent.get("formFactor")
        if factor is not None and factor not in FORM_FACTORS:
            raise problem(400, "INVALID_ARGUMENT", f"Invalid value at 'form_factor': {factor!r}")
        ours = urlsplit(str(sent[named[0]])).netloc == self._core.ports.host("production")
        if not ours or not self._core.state.google.crux:
            raise problem(404, "NOT_FOUND", "chrome ux report data not found")
        return {named[0]: sent[named[0]], **({"formFactor": factor} if factor else {})}, sent

    def _known(self, sent: Payload) -> dict[str, float]:
        wanted = sent.get("metrics") or list(GOOD_AND_POOR)
        unknown = [name for name in wanted if name not in GOOD_AND_POOR]
        if unknown:
            raise problem(400, "INVALID_ARGUMENT", f"Invalid value at 'metrics': {unknown[0]!r}")
        return {name: p75 for name, p75 in self._core.state.google.crux.items() if name in wanted}

    def _period(self, weeks_ago: int) -> Payload:
        """The period of 28 days that ended two days ago, or so many weeks before."""
        last = self._core.now() - (2 + A_WEEK * weeks_ago) * A_DAY
        return {"firstDate": _date(last - (PERIOD_DAYS - 1) * A_DAY), "lastDate": _date(last)}

    async def page(self, request: Request) -> Response:
        """Visit the page once, and tell what a browser would have made of that answer."""
        exceeded = problem(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Queries'.")
        self._authorize(request, exceeded)
        if self._core.state.google.limited:
            raise exceeded
        query = request.query_params
        url, strategy = urlsplit(query.get("url", "")), query.get("strategy", "desktop").lower()
        if url.scheme not in ("http", "https") or not url.netloc:
            raise problem(400, "INVALID_ARGUMENT", f"Invalid value {query.get('url')!r} for url")
        if strategy not in SLOWER:
            raise problem(400, "INVALID_ARGUMENT", f"Invalid value at 'strategy': {strategy!r}")
        unknown = [one for one in query.getlist("category") if one.upper().replace("-", "_") not in CATEGORIES]
        if unknown:
            raise problem(400, "INVALID_ARGUMENT", f"Invalid value at 'category': {unknown[0]!r}")
        assert self._core.visit is not None
        visit = await self._core.visit(url.path or "/", url.netloc)
        if not 200 <= visit.status < 400:
            kind = "ERRORED_DOCUMENT_REQUEST" if visit.status else "FAILED_DOCUMENT_REQUEST"
            says = f"Lighthouse returned error: {kind}. Lighthouse was unable to reliably load the page you requested."
            says += f" (Status code: {visit.status})" if visit.status else ""
            error = {"message": says, "domain": "lighthouse", "reason": "lighthouseUserError"}
            raise problem(400, "INVALID_ARGUMENT", says, errors=[error])
        return JSONResponse(self._report(query["url"], strategy, visit))

    def _report(self, url: str, strategy: str, visit: Visit) -> Payload:
        audits = {name: _audit(name, value) for name, value in _measured(visit, SLOWER[strategy]).items()}
        weights = [{"id": name, "weight": AUDITS[name][4] * 100, "group": "metrics"} for name in audits]
        score = sum(AUDITS[name][4] * audits[name]["score"] for name in audits) / sum(one[4] for one in AUDITS.values())
        performance = {"id": "performance", "title": "Performance", "score": round(score, 2), "auditRefs": weights}
        now = iso(self._core.now())
        lighthouse = {
            "requestedUrl": url, "finalUrl": url, "mainDocumentUrl": url, "finalDisplayedUrl": url,
            "lighthouseVersion": "12.8.2", "fetchTime": now, "runWarnings": [], "audits": audits,
            "categories": {"performance": performance}, "timing": {"total": visit.seconds * 1000},
            "configSettings": {"formFactor": strategy, "locale": "en-US", "onlyCategories": ["performance"]},
        }  # fmt: skip
        return {
            "captchaResult": "CAPTCHA_NOT_NEEDED",
            "kind": "pagespeedonline#result",
            "id": url,
            "loadingExperience": {"initial_url": url},
            "lighthouseResult": lighthouse,
            "analysisUTCTimestamp": now,
        }


def _metric(name: str, p75: float) -> Payload:
    """Shape a metric: layout shift is a decimal in a string, everything else whole milliseconds."""
    good, poor = GOOD_AND_POOR[name]
    said = (lambda value: f"{value:.2f}") if name == "cumulative_layout_shift" else round
    densities = DENSITIES[0 if p75 <= good else 1 if p75 <= poor else 2]
    edges = ((said(0), said(good)), (said(good), said(poor)), (said(poor), None))
    bins = [
        {"start": start, **({} if end is None else {"end": end}), "density": density}
        for (start, end), density in zip(edges, densities, strict=True)
    ]
    return {"histogram": bins, "percentiles": {"p75": said(p75)}}


def _measured(visit: Visit, slower: float) -> dict[str, float]:
    """Derive milliseconds from how long the answer took and how much there is to load."""
    server = visit.seconds * 1000
    first = server + (150 + len(visit.body) / 200) * slower
    return {
        "server-response-time": server,
        "first-contentful-paint": first,
        "largest-contentful-paint": first + 200 * slower,
        "total-blocking-time": 10 * slower,
        "cumulative-layout-shift": 0.01,
    }


def _audit(name: str, value: float) -> Payload:
    title, unit, good, poor, _ = AUDITS[name]
    score = min(1.0, max(0.0, 1 - (value - good) / (poor - good) / 2))
    shown = f"{value:.3f}" if unit == "unitless" else f"{value:.0f} ms"
    return {
        "id": name,
        "title": title,
        "score": round(score, 2),
        "scoreDisplayMode": "numeric",
        "displayValue": shown,
        "numericValue": round(value, 3),
        "numericUnit": unit,
    }


def _date(moment: float) -> Payload:
    day = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    return {"year": day.year, "month": day.month, "day": day.day}


def problem(code: int, status: str, message: str, **more: object) -> Problem:
    return Problem(code, {"error": {"code": code, "message": message, "status": status, **more}})
