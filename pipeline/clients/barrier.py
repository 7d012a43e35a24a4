"""Recognises that Vercel answered in place of the site: such an answer says nothing about the site."""

import re

import httpx

SIGN_IN = re.compile(r"/sso-api\b|//vercel\.com/(sso|login)")


def barrier_of(response: httpx.Response) -> str:
    """Name what stood in the way, for a sentence: a sign-in page or the firewall; empty when nothing did.

    ``x-vercel-mitigated``: https://vercel.com/docs/headers/response-headers#x-vercel-mitigated
    """
    mitigated = response.headers.get("x-vercel-mitigated", "").lower()
    if mitigated in ("challenge", "deny"):
        return f"Vercel's firewall ({mitigated})"
    signs_in = SIGN_IN.search(response.headers.get("location", "")) or SIGN_IN.search(str(response.url))
    if signs_in or (response.status_code == 401 and "_vercel_sso_nonce" in response.headers.get("set-cookie", "")):
        return "Vercel's sign-in page (Deployment Protection)"
    return ""
