"""The sandbox as a target: started when it is not running, its settings, its control door."""

import contextlib
import dataclasses
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from checks.policy import (
    ContactsPolicy,
    DatabasePolicy,
    ErrorsPolicy,
    RequiredVariable,
    SourcePolicy,
    UptimePolicy,
    VendorsPolicy,
)
from pipeline.config.target import Services
from pipeline.errors import Mistake, Unreachable
from pipeline.world.madeup import made_up, named_in
from pipeline.world.settings import Settings

SANDBOX = ".sandbox"
OWN = f"{SANDBOX}/own"
"""Where the sandbox of one's own app is."""
SECONDS = 30.0
WEBHOOKS = "/services/T0SANDBOX/B0SANDBOX"
"""Before the last word of its webhooks: the form of Slack's."""


def prepared(root: Path, app: Path, required: Iterable[RequiredVariable], health: str = "/") -> str:
    """Tell the sandbox of one's own app the variables that it is to have, and the path that its monitor watches.

    Gives its place for ``attached``.
    """
    place = root / OWN
    place.mkdir(parents=True, exist_ok=True)
    file = place / "own.json"
    known = json.loads(file.read_text()) if file.is_file() else {"variables": {}}
    told = {"health": health, "variables": {**made_up(named_in(app), required), **known["variables"]}}
    if told != known:
        new = file.with_suffix(".new")
        new.write_text(json.dumps(told, indent=1))
        new.replace(file)
    return OWN


@contextlib.contextmanager
def attached(root: Path, place: str = SANDBOX) -> Iterator[Mapping[str, Any]]:
    """The sandbox of this checkout, started when it is not running; what it says of itself. Raises Mistake."""
    from pipeline.sandbox.launch import SandboxError, attach

    with contextlib.ExitStack() as stack:
        try:
            running = stack.enter_context(attach(root / place))
        except SandboxError as error:
            from pipeline.world.extras import must_have

            must_have("sandbox")
            raise Mistake(str(error)) from error
        yield running


def sandbox_settings(name: str, running: Mapping[str, Any], policies: Mapping[type, Any]) -> Settings:
    """The settings of a running sandbox: all it says of itself replaces what deploy.yml would have to say."""
    urls, tokens = running["urls"], running["tokens"]
    services = Services(
        urls["vercel"],
        urls["github"],
        urls["sentry"],
        urls["betterstack"],
        urls["vercel-status"],
        urls["neon-status"],
        urls["neon"],
        urls["cloudflare"],
        urls["upstash-api"],
        urls["google"],
        f"{urls['notify']}/api",
    )
    secrets = {
        "VERCEL_TOKEN": tokens["vercel"],
        "GITHUB_TOKEN": tokens["github"],
        "SENTRY_AUTH_TOKEN": tokens["sentry"],
        "BETTERSTACK_API_TOKEN": tokens["betterstack"],
        "DIRECT_URL": running["database_url"],
        "SMOKE_EMAIL": running["student"]["email"],
        "SMOKE_PASSWORD": running["student"]["password"],
        "NOTIFY_WEBHOOK_URL": f"{urls['notify']}{WEBHOOKS}/team",
        "NOTIFY_STAKEHOLDERS_URL": f"{urls['notify']}{WEBHOOKS}/stakeholders",
        "NOTIFY_DATA_PROTECTION_URL": f"{urls['notify']}{WEBHOOKS}/data-protection",
        "NOTIFY_ONCALL_URL": f"{urls['notify']}{WEBHOOKS}/on-call",
        "NEON_API_KEY": tokens["neon"],
        "SANDBOX_TOKEN": tokens["control"],
        "R2_ACCOUNT_ID": running["r2"]["account"],
        "R2_ACCESS_KEY_ID": running["r2"]["access_key_id"],
        "R2_SECRET_ACCESS_KEY": running["r2"]["secret_access_key"],
        "R2_BUCKET": running["r2"]["bucket"],
        "R2_ENDPOINT": running["r2"]["endpoint"],
        "CLOUDFLARE_API_TOKEN": tokens["cloudflare"],
        "UPSTASH_REDIS_REST_URL": running["upstash"]["url"],
        "UPSTASH_REDIS_REST_TOKEN": running["upstash"]["token"],
        "UPSTASH_EMAIL": running["upstash"]["email"],
        "UPSTASH_API_KEY": running["upstash"]["api_key"],
    }
    pages = tuple(
        dataclasses.replace(page, url=f"{urls['statuspages']}/{page.vendor.lower().replace(' ', '')}")
        for page in policies[VendorsPolicy].pages
    )
    theirs = {
        SourcePolicy: dataclasses.replace(policies[SourcePolicy], repository=running["github"]["repository"]),
        ErrorsPolicy: dataclasses.replace(policies[ErrorsPolicy], **running["sentry"]),
        UptimePolicy: dataclasses.replace(policies[UptimePolicy], monitor=running["betterstack"]["monitor"]),
        ContactsPolicy: dataclasses.replace(
            policies[ContactsPolicy], status_page_id=running["betterstack"]["status_page"], status_page_resources=("1",)
        ),
        VendorsPolicy: dataclasses.replace(policies[VendorsPolicy], pages=pages),
        DatabasePolicy: dataclasses.replace(policies[DatabasePolicy], neon_project=running["neon"]["project"]),
    }
    vercel = running["vercel"]
    return Settings(
        name,
        "sandbox",
        vercel["project"],
        vercel["team"],
        urls["production"].partition("://")[2],
        services,
        secrets,
        {**policies, **theirs},
        urls["control"],
    )


def ask_control(running: Mapping[str, Any], method: str, path: str, body: object) -> Any:
    """Send a request to the sandbox's control door; its JSON. Raises Mistake with what it says is wrong."""
    return ask_door(running["urls"]["control"], running["tokens"]["control"], method, path, body)


def ask_door(url: str, token: str, method: str, path: str, body: object) -> Any:
    """Send a request to the control door at ``url``; its JSON. Raises Mistake or Unreachable."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url + path, data, headers, method=method)
    try:
        with open_directly(request, SECONDS) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        raise Mistake(f"sandbox: {json.loads(error.read())['error']}") from error
    except OSError as error:
        raise Unreachable("sandbox", f"{method} {path}", str(error)) from error


def open_directly(request: "urllib.request.Request | str", seconds: float) -> Any:
    """Open an address on this machine, past every proxy; a context manager. Raises OSError."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=seconds)
