"""Answers what a browser asks before it sends something from another page, as the CORS rules of the bucket have it."""

from fnmatch import fnmatchcase

from starlette.requests import Request
from starlette.responses import Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.r2.markup import S3Problem
from pipeline.sandbox.web import Payload

WANTS, HEADERS = "access-control-request-method", "access-control-request-headers"


def asked_before(core: Core, request: Request) -> Response:
    """Answer an OPTIONS. Raises S3Problem when it asks for nothing, or no rule allows it."""
    origin, method = request.headers.get("origin", ""), request.headers.get(WANTS, "")
    if not origin or not method:
        raise S3Problem(400, "BadRequest", "Insufficient information. Origin request header needed.")
    headers = [one.strip().lower() for one in request.headers.get(HEADERS, "").split(",") if one.strip()]
    rule = _rule(core, origin, method, headers)
    if rule is None:
        raise S3Problem(403, "AccessForbidden", "CORSResponse: This CORS request is not allowed.")
    allowed = {"access-control-allow-methods": ", ".join(rule["allowed"]["methods"])}
    if headers:
        allowed["access-control-allow-headers"] = ", ".join(headers)
    return Response(None, 204, {**shown_to(core, origin, method), **allowed})


def shown_to(core: Core, origin: str, method: str) -> dict[str, str]:
    """Make the headers without which a browser keeps the answer from a page of ``origin``; none when no rule is its."""
    rule = _rule(core, origin, method, [])
    if rule is None:
        return {}
    exposed = ", ".join(rule.get("exposeHeaders") or ())
    return {
        "access-control-allow-origin": origin,
        "vary": "Origin",
        **({"access-control-expose-headers": exposed} if exposed else {}),
    }


def _rule(core: Core, origin: str, method: str, headers: list[str]) -> Payload | None:
    """Find the first rule that allows it. An origin has to be the very same, but for one star; methods are capital."""
    for rule in core.state.r2.cors or ():
        allowed = rule["allowed"]
        origins = [core.fill(one) for one in allowed["origins"]]
        known = [one.lower() for one in allowed.get("headers") or ()]
        fits = all(any(fnmatchcase(wanted, one) for one in known) for wanted in headers)
        if (
            fits
            and method in allowed["methods"]
            and any(one in (origin, "*") or fnmatchcase(origin, one) for one in origins)
        ):
            return rule
    return None
