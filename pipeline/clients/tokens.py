"""Asks Vercel and GitHub about the token that they are asked with, and GitHub how a repository is guarded."""

import copy
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from pipeline.clients.base import Service
from pipeline.clients.github import GitHub
from pipeline.errors import Refused

EXPIRY = "github-authentication-token-expiration"
FORMS = ("%Y-%m-%d %H:%M:%S %Z", "%Y-%m-%d %H:%M:%S %z")


@dataclass(frozen=True)
class TokenFacts:
    """What a service says of a token. ``whose``: a login; ``expires``: None when it does not, or nobody says.

    ``scopes``: what it may do, in the service's words; empty when the service does not say.
    """

    whose: str = ""
    expires: datetime.datetime | None = None
    scopes: tuple[str, ...] = ()


async def reachable(service: Service) -> None:
    """Ask the bare address, without caring for the answer. Raises Unreachable when there is none. GET /"""
    bare = copy.copy(service)
    bare.unset = ""
    try:
        await Service.send(bare, "GET", "/")
    except Refused:
        return


async def vercel_token(vercel: Service) -> TokenFacts:
    """Whose the token is, when it ends, and its scopes: ``user``, or ``team TEAM_ID``.

    GET /v2/user, then GET /v5/user/tokens/current
    """
    whose = await vercel.read(
        "/v2/user", lambda body: str(body["user"].get("username") or body["user"].get("email") or "")
    )

    def parse(body: Any) -> TokenFacts:
        token = body["token"]
        ends, scopes = token.get("expiresAt"), token.get("scopes") or ()
        expires = datetime.datetime.fromtimestamp(ends / 1000, datetime.UTC) if ends else None
        return TokenFacts(whose, expires, tuple(f"{one['type']} {one.get('teamId') or ''}".strip() for one in scopes))

    try:
        return await vercel.read("/v5/user/tokens/current", parse)
    except Refused as error:
        if error.status in (403, 404):  # a token of an integration may not look at itself
            return TokenFacts(whose)
        raise


async def github_token(github: GitHub) -> TokenFacts:
    """When the token ends and, of a classic one, its scopes. Refused with 404: it does not see the repository.

    GET /repos/{owner}/{repo}
    """
    headers: dict[str, str] = {}

    def note(response: httpx.Response) -> None:
        headers.update({name.lower(): value for name, value in response.headers.items()})

    await github.once("GET", f"/repos/{github.repository}", lambda body: str(body["full_name"]), seen=note)
    scopes = tuple(part.strip() for part in headers.get("x-oauth-scopes", "").split(",") if part.strip())
    return TokenFacts("", _moment(headers.get(EXPIRY, "")), scopes)


async def cloudflare_token(cloudflare: Service, account: str = "") -> TokenFacts:
    """When the token ends; as its scope what it is when it is not active: ``disabled`` or ``expired``.

    GET /client/v4/user/tokens/verify, and of a token of an account GET /client/v4/accounts/{account_id}/tokens/verify
    """

    def parse(body: Any) -> TokenFacts:
        token = body["result"]
        ends, status = token.get("expires_on"), str(token["status"])
        return TokenFacts(
            "",
            datetime.datetime.fromisoformat(ends) if ends else None,
            () if status == "active" else (status,),
        )

    try:
        return await cloudflare.read("/client/v4/user/tokens/verify", parse)
    except Refused as error:
        if error.status not in (400, 401, 403) or not account:
            raise
        try:
            return await cloudflare.read(f"/client/v4/accounts/{account}/tokens/verify", parse)
        except Refused as again:
            raise error from again


def _moment(text: str) -> datetime.datetime | None:
    for form in FORMS:
        try:
            found = datetime.datetime.strptime(text, form)
        except ValueError:
            continue
        return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    return None


async def may_read(github: GitHub, path: str) -> bool:
    """Whether the token may read ``path`` of the repository; what is not there may be.

    GET /repos/{owner}/{repo}…
    """
    try:
        await github.read(f"/repos/{github.repository}{path}", lambda body: None, {"per_page": 1})
    except Refused as error:
        if error.status in (401, 403):
            return False
        if error.status not in (404, 409, 422):
            raise
    return True


async def environment_rules(github: GitHub, name: str) -> tuple[str, ...] | None:
    """The kinds of rules that guard the environment ``name``; None when there is no such environment.

    GET /repos/{owner}/{repo}/environments/{environment_name}
    """

    def parse(body: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(rule["type"]) for rule in body.get("protection_rules") or ())

    try:
        return await github.read(f"/repos/{github.repository}/environments/{name}", parse)
    except Refused as error:
        if error.status == 404:
            return None
        raise


async def branch_rules(github: GitHub, branch: str) -> tuple[str, ...]:
    """What guards a branch: ``protection``, and the types of the rules of rulesets; empty when nothing does.

    GET /repos/{owner}/{repo}/branches/{branch} and GET /repos/{owner}/{repo}/rules/branches/{branch}
    """
    root = f"/repos/{github.repository}"
    guarded = await github.read(f"{root}/branches/{branch}", lambda body: bool(body["protected"]))
    found = ("protection",) if guarded else ()
    try:
        rules = await github.read(
            f"{root}/rules/branches/{branch}", lambda body: tuple(str(one["type"]) for one in body)
        )
    except Refused as error:
        if error.status not in (403, 404):  # 403: the plan has no rulesets
            raise
        return found
    return found + rules


async def secret_names(github: GitHub, environment: str) -> frozenset[str] | None:
    """The names of the secrets that a job in ``environment`` is given; None when the token may not list them.

    GET /repos/{owner}/{repo}/actions/secrets, …/actions/organization-secrets and …/environments/{name}/secrets
    """
    root, names, listed = f"/repos/{github.repository}", set[str](), False
    for path in ("/actions/secrets", "/actions/organization-secrets", f"/environments/{environment}/secrets"):
        try:
            names |= await github.read(
                root + path, lambda body: {str(one["name"]) for one in body["secrets"]}, {"per_page": 100}
            )
            listed = listed or path == "/actions/secrets"
        except Refused as error:
            if error.status not in (403, 404):
                raise
    return frozenset(names) if listed else None
