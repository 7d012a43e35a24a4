"""Recognises that somebody answered in place of the site: such an answer says nothing about the site."""

import re

import httpx

PAUSED = ("DEPLOYMENT_PAUSED", "DEPLOYMENT_DISABLED")
SIGN_IN = re.compile(r"/sso-api\b|//vercel\.com/(sso|login)")


def firewall_of(response: httpx.Response) -> tuple[str, str]:
    """Who answered by a firewall or because the project is paused, and how it put it; empty when nobody did.

    ``x-vercel-error``: of a project that somebody, or a limit of spending, has paused: https://vercel.com/docs/errors
    ``x-vercel-mitigated``: https://vercel.com/docs/headers/response-headers#x-vercel-mitigated
    ``cf-mitigated``, of a domain that Cloudflare proxies:
    https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response
    """
    if response.headers.get("x-vercel-error") in PAUSED:
        return "Vercel", "paused"
    for whose, header in (("Vercel", "x-vercel-mitigated"), ("Cloudflare", "cf-mitigated")):
        how = response.headers.get(header, "").lower()
        if how and response.status_code >= 400:
            return whose, how
    return "", ""


def challenge_of(response: httpx.Response) -> str:
    """That a firewall answered instead of the site, or nothing serves it, as a sentence; empty when neither is so.

    It challenges scripts, and lets browsers through; or it denies some, by address or by number.
    """
    whose, how = firewall_of(response)
    if not whose:
        return ""
    if how == "paused":
        return "Vercel has paused the project, so nothing was learnt about the site, and going back changes nothing"
    did = "challenged the request (Security Checkpoint)" if how == "challenge" else f"refused the request ({how})"
    return f"{whose}'s firewall {did}, so nothing was learnt about the site"


def barrier_of(response: httpx.Response) -> str:
    """Name what stood in the way, for a sentence: a sign-in page or a firewall; empty when nothing did."""
    whose, how = firewall_of(response)
    if whose:
        return "Vercel, which has paused the project," if how == "paused" else f"{whose}'s firewall ({how})"
    signs_in = SIGN_IN.search(response.headers.get("location", "")) or SIGN_IN.search(str(response.url))
    if signs_in or (response.status_code == 401 and "_vercel_sso_nonce" in response.headers.get("set-cookie", "")):
        return "Vercel's sign-in page (Deployment Protection)"
    return ""
