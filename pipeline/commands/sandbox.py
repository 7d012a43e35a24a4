"""``invoke sandbox`` and ``invoke fault``: the sandbox for play."""

import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.sandbox.launch import reset
from pipeline.world.sandbox import SANDBOX, ask_control, attached


def keep_up(root: Path, out: Callable[[str], None], *, as_json: bool) -> None:
    """Start the sandbox, say where it is, and keep it up until interrupted."""
    with attached(root) as running:
        out(json.dumps(_services(running)) if as_json else _words(running))
        try:
            while True:
                signal.pause()
        except KeyboardInterrupt:
            pass


def start_anew(root: Path) -> None:
    """Stop the sandbox and forget everything in it."""
    reset(root / SANDBOX)


def misbehave(root: Path, fault: str) -> str:
    """Put ``fault`` on the sandbox; it stays for the next commands. Raises Mistake naming what is wrong with it."""
    with attached(root) as running:
        return str(ask_control(running, "POST", "/faults", {"fault": fault})["text"])


def known_faults(root: Path, *, clear: bool, as_json: bool = False) -> str:
    """The faults that are on, after clearing them if asked, and every kind with what it does."""
    with attached(root) as running:
        if clear:
            ask_control(running, "DELETE", "/faults", None)
        told = ask_control(running, "GET", "/faults", None)
    if as_json:
        return json.dumps({"on": [one["text"] for one in told["faults"]], "kinds": told["kinds"]}, ensure_ascii=False)
    on = [f"  {one['text']}" for one in told["faults"]] or ["  none"]
    kinds = [f"  {kind:<15} {words}" for kind, words in told["kinds"].items()]
    return "\n".join(["on now:", *on, "kinds (SERVICE KIND [key=value …] [METHOD] [PATH]):", *kinds])


def _services(running: Mapping[str, Any]) -> dict[str, Any]:
    """Per service its ``url`` and ``token``; for Vercel also team and project, for Postgres the connection string."""
    found: dict[str, Any] = {name: {"url": url} for name, url in running["urls"].items()}
    for name, token in running["tokens"].items():
        found.setdefault(name, {})["token"] = token
    for name in ("vercel", "github", "sentry", "betterstack", "neon"):
        found[name].update(running.get(name, {}))
    return {**found, "postgres": {"url": running["database_url"]}, "student": running["student"]}


def _words(running: Mapping[str, Any]) -> str:
    urls, tokens = running["urls"], running["tokens"]
    lines = ["The sandbox is up. Ctrl-C stops it; what happened in it stays until ./inv sandbox --reset.", ""]
    lines += [f"  {name:<14} {url:<26} {tokens.get(name, '')}".rstrip() for name, url in urls.items()]
    lines += [f"  {'postgres':<14} {running['database_url']}", ""]
    lines += [f"  student        {running['student']['email']}  {running['student']['password']}", ""]
    vercel = running["vercel"]
    lines += [
        "In another terminal:",
        "  ./inv deploy                          ships the example release",
        "  ./inv deploy --from broken-login      is stopped at smoke",
        '  ./inv fault "app failing-route /api/health/db where=production after=8"',
        f"  VERCEL_TOKEN={tokens['vercel']} ./inv rollback --project {vercel['project']} --team {vercel['team']} "
        f"--api {urls['vercel']}",
    ]
    return "\n".join(lines)
