"""Finds out how to reach the project from whatever is there: flags, environment, linked folder, deploy.yml, sandbox."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.environment import variable
from pipeline.errors import Mistake

API = "https://api.vercel.com"
HEALTH = "/api/health/db"


@dataclass(frozen=True)
class RollbackOrder:
    """What a person typed after ``rollback``; empty strings mean "not said"."""

    to: str = ""
    project: str = ""
    team: str = ""
    domain: str = ""
    health: str = ""
    api: str = ""
    target: str = ""
    plan: bool = False
    json: bool = False
    even_bad: bool = False
    break_glass: bool = False


@dataclass(frozen=True)
class Access:
    """How to reach the Vercel project: address, token, ids and the domain that proves."""

    name: str
    api: str
    token: str
    team: str
    project: str
    domain: str
    health: str
    database: str = field(default="", repr=False)
    """The database's address, when it is known: what was migrated since is looked up meanwhile."""


@contextlib.contextmanager
def access(wanted: RollbackOrder, root: Path, deploy_file: Path) -> Iterator[Access]:
    """Find the way to the project: flags first, then the environment, ``.vercel/project.json``, and deploy.yml.

    Only when neither a token nor a project is to be found, and deploy.yml does not aim elsewhere, it is the sandbox's.
    Raises Mistake.
    """
    token = (variable("VERCEL_TOKEN") or _from_env_file(root)).strip()
    if token and not (token.isascii() and token.isprintable()):
        raise Mistake("VERCEL_TOKEN: holds characters that no token has; copy it again")
    linked = _linked()
    project = wanted.project or variable("VERCEL_PROJECT_ID") or linked.get("projectId", "")
    team = wanted.team or variable("VERCEL_ORG_ID") or linked.get("orgId", "")
    at = _target(wanted, deploy_file, with_default=not (token and project))
    if at.get("kind") == "sandbox" and not project:
        with _sandbox(root) as access:
            yield access
        return
    project, team = project or str(at.get("project") or ""), team or str(at.get("team") or "")
    missing = []
    if not token:
        missing.append("VERCEL_TOKEN: is not set; get one from vercel.com → Account Settings → Tokens")
    if not project:
        missing.append("--project: is not known; say --project ID, or set VERCEL_PROJECT_ID, or run in a linked folder")
    if missing:
        raise Mistake("\n".join(missing))
    services = at.get("services") if isinstance(at.get("services"), dict) else {}
    api = wanted.api or variable("VERCEL_API") or (services or {}).get("vercel") or API
    yield Access(
        wanted.target or project,
        str(api),
        token,
        team if team.startswith("team_") else "",
        project,
        wanted.domain or str(at.get("domain") or ""),
        "/" + (wanted.health or HEALTH).lstrip("/"),
        variable("DIRECT_URL") or _from_env_file(root, "DIRECT_URL"),
    )


def _target(wanted: RollbackOrder, deploy_file: Path, *, with_default: bool) -> dict[str, Any]:
    """The chosen target as deploy.yml has it; empty when the file is missing or broken, which must not matter."""
    if not wanted.target and not with_default:
        return {}
    try:
        import yaml

        raw = yaml.safe_load(deploy_file.read_text(encoding="utf-8"))
        name = wanted.target or str(raw.get("target") or "sandbox")
        found = raw["targets"][name]
        return found if isinstance(found, dict) else {}
    except Exception as error:  # an emergency does not wait for a valid file
        if wanted.target == "sandbox":
            return {"kind": "sandbox"}
        if wanted.target:
            raise Mistake(
                f"--target {wanted.target}: deploy.yml does not say what that is ({error}); "
                "use --project and --domain instead"
            ) from error
        return {}


@contextlib.contextmanager
def _sandbox(root: Path) -> Iterator[Access]:
    from pipeline.world.sandbox import attached

    with attached(root) as running:
        domain = running["urls"]["production"].partition("://")[2]
        vercel = running["vercel"]
        yield Access(
            "sandbox",
            running["urls"]["vercel"],
            running["tokens"]["vercel"],
            vercel["team"],
            vercel["project"],
            domain,
            HEALTH,
            running["database_url"],
        )


def _linked() -> dict[str, str]:
    """Read ``.vercel/project.json`` of the folder one stands in: key → value, empty when there is none."""
    try:
        found = json.loads(Path(".vercel/project.json").read_text(encoding="utf-8"))
        return {key: str(value) for key, value in found.items()} if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _from_env_file(root: Path, name: str = "VERCEL_TOKEN") -> str:
    with contextlib.suppress(Exception):
        from dotenv import dotenv_values

        if (root / ".env").is_file():
            return dotenv_values(root / ".env", interpolate=False).get(name) or ""
    return ""
