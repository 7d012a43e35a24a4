"""Finds out how to reach the project from whatever is there: flags, deploy.yml's target, environment, linked folder."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.clock import host_of
from pipeline.environment import variable, variable_or_file
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

    def aim(self, target: str, project: str = "", team: str = "") -> str:
        """What to type after ``./inv rollback`` to aim there again: ``target``, else the project and its team."""
        where = {"target": target} if target else {"project": project, "team": team}
        words = {**where, "api": self.api, "domain": self.domain, "health": self.health}
        return " ".join(f"--{name} {quoted(value)}" for name, value in words.items() if value)

    def choice(self, to: str = "", *, break_glass: bool = False) -> str:
        """What to type after that, with a space before it, to mean the same deployment: ``to``, else the named one."""
        named = to or self.to
        words = f" --to {quoted(named)}" if named else ""
        words += " --even-bad" if self.even_bad else ""
        return words + (" --break-glass" if self.break_glass or break_glass else "")


def quoted(word: str) -> str:
    """``word`` as a shell takes it for one."""
    if re.fullmatch(r"[\w.:/@-]+", word, re.ASCII):
        return word
    import shlex

    return shlex.quote(word)


@dataclass(frozen=True)
class Access:
    """How to reach the Vercel project: address, token, ids and the domain that proves. ``team``: an id or a slug."""

    name: str
    api: str
    token: str = field(repr=False)
    team: str
    project: str
    domain: str
    health: str
    database: str = field(default="", repr=False)
    """The database's address, when it is known: what was migrated since is looked up meanwhile."""
    flags: str = ""
    """What to type after ``./inv rollback`` to aim at the same project, domain and address again."""
    bypass: str = field(default="", repr=False)
    """The secret that passes Deployment Protection, when it is known."""
    ignored: tuple[str, ...] = ()
    """What names another project and was not followed, one sentence each."""
    state: str = ""
    """What deploy.yml says of the record: empty, a path, or the name of a variable."""
    unencrypted: tuple[str, ...] = ()
    """The hosts that deploy.yml lets be spoken to without encryption."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """``migrations`` and ``schema``, where deploy.yml says where they are."""


@contextlib.contextmanager
def access(wanted: RollbackOrder, root: Path, deploy_file: Path) -> Iterator[Access]:
    """Find the way to the project.

    What was named on the command line wins, ``--target`` with all that deploy.yml says of it. Without a name it is the
    project of the environment, else of the linked folder, else deploy.yml's only target of kind ``production``; the
    sandbox is never meant unless it was named. Raises Mistake for what is missing or contradicts itself.
    """
    token = variable_or_file("VERCEL_TOKEN", root).strip()
    if token and not (token.isascii() and token.isprintable()):
        raise Mistake("VERCEL_TOKEN: holds characters that no token has; copy it again")
    file = _read(deploy_file, all_of_it=not wanted.project or bool(wanted.target))
    state = str(file.content.get("state") or "")
    if wanted.target:
        section = file.target(wanted.target)
        if section.get("kind") == "sandbox":
            _must_agree(wanted, {"project": "", "team": ""}, "the sandbox has its own")
            own = section.get("own") is True
            health = file.health(section, wanted) if own else HEALTH
            with _sandbox(root, state, wanted, file.paths(section), health, own=own) as sandbox:
                yield sandbox
            return
        _must_agree(wanted, section, "deploy.yml")
    else:
        section = {}
    target = wanted.target
    project, team, ignored = _project(wanted, section)
    if not project:
        target, section = file.production()
        project, team, ignored = _project(wanted, section)
    missing = []
    if not token:
        missing.append("VERCEL_TOKEN: is not set; get one from vercel.com → Account Settings → Tokens")
    if not project:
        missing.append("--project: is not known; say --project ID, or --target with a target of deploy.yml")
    if "REPLACE_ME" in f"{project} {team}":
        missing.append(f"deploy.yml: {target}: still has the placeholder of an example; say --project and --team")
    if missing:
        raise Mistake("\n".join([*missing, "The sandbox is meant only with --target sandbox."]))
    services = section.get("services") if isinstance(section.get("services"), dict) else {}
    api = wanted.api or variable("VERCEL_API") or (services or {}).get("vercel") or API
    unencrypted = _listed(file.content.get("unencrypted"))
    if str(api).lower().startswith("http:"):
        from pipeline.clients.encrypted import must_be_encrypted

        must_be_encrypted("--api" if wanted.api else "the address of Vercel's API", str(api), unencrypted)
    domain = wanted.domain or str(section.get("domain") or "")
    yield Access(
        target or project,
        str(api),
        token,
        team,
        project,
        host_of(domain, "--domain" if wanted.domain else "deploy.yml: domain") if domain else "",
        file.health(section, wanted),
        variable_or_file("DIRECT_URL", root),
        wanted.aim(target, project, team),
        variable_or_file("VERCEL_AUTOMATION_BYPASS_SECRET", root),
        ignored,
        state,
        unencrypted,
        file.paths(section),
    )


def _listed(said: Any) -> tuple[str, ...]:
    return tuple(map(str, said)) if isinstance(said, list) else ()


def _project(wanted: RollbackOrder, section: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    """The project, its team, and what names another one and is not followed."""
    linked = _linked()
    others = (
        (variable("VERCEL_PROJECT_ID"), _team(variable("VERCEL_ORG_ID")), "VERCEL_PROJECT_ID"),
        (linked.get("projectId", ""), _team(linked.get("orgId", "")), ".vercel/project.json"),
    )
    named, team = str(section.get("project") or ""), str(section.get("team") or "")
    if wanted.project or named:
        project = wanted.project or named
        same = next((owner for other, owner, _ in others if other == project), "")
        ignored = tuple(
            f"{source} names {other}: not followed" for other, _, source in others if other not in ("", project)
        )
        return project, wanted.team or team or same, ignored
    project, owner = next(((project, owner) for project, owner, _ in others if project), ("", ""))
    return project, wanted.team or owner, ()


def _team(owner: str) -> str:
    """The team that an owner's id names: that of a personal account is no team, and is asked without one."""
    return owner if owner.startswith("team_") else ""


def _must_agree(wanted: RollbackOrder, section: Mapping[str, Any], who: str) -> None:
    """Raises Mistake when flags name another project or team than the target that was named beside them."""
    for key, said in (("project", wanted.project), ("team", wanted.team)):
        known = str(section.get(key) or "")
        if said and said != known and (known or section.get("kind") != "production"):
            theirs = f"is {known}" if known else who
            raise Mistake(f"--{key} {said}: contradicts --target {wanted.target}, whose {key} {theirs}; leave one out")


@dataclass(frozen=True)
class _File:
    """deploy.yml as far as it can be read: an emergency does not wait for a valid file. ``failure`` says why not."""

    content: Mapping[str, Any]
    failure: str = ""

    def target(self, name: str) -> Mapping[str, Any]:
        targets = self.content.get("targets")
        found = targets.get(name) if isinstance(targets, dict) else None
        if isinstance(found, dict):
            return found
        if name == "sandbox":
            return {"kind": "sandbox"}
        known = ", ".join(sorted(map(str, targets))) if isinstance(targets, dict) else self.failure or "none"
        raise Mistake(f"--target {name}: deploy.yml does not say what that is ({known}); use --project and --domain")

    def production(self) -> tuple[str, Mapping[str, Any]]:
        """The only target of kind ``production`` that has a project. Raises Mistake when there are several."""
        targets = self.content.get("targets")
        found = {
            str(name): section
            for name, section in (targets.items() if isinstance(targets, dict) else ())
            if isinstance(section, dict) and section.get("kind") == "production" and section.get("project")
        }
        if len(found) > 1:
            raise Mistake(f"--target: deploy.yml has {', '.join(sorted(found))}; say which one")
        return next(iter(found.items()), ("", {}))

    def health(self, section: Mapping[str, Any], wanted: RollbackOrder) -> str:
        """The path that is asked as proof: what was typed, else what the file says, else the usual one."""
        override = section.get("override")
        found = wanted.health or HEALTH
        for said in () if wanted.health else (self.content, override if isinstance(override, dict) else {}):
            path = said["health"].get("path") if isinstance(said.get("health"), dict) else None
            found = path if isinstance(path, str) and path.strip("/") else found
        return "/" + found.lstrip("/")

    def paths(self, section: Mapping[str, Any]) -> Mapping[str, str]:
        """Where the migrations and the Prisma schema are, as far as the file says; a target's own words win."""
        found: dict[str, str] = {}
        for said in (self.content.get("database"), section.get("database")):
            for key, value in said.items() if isinstance(said, dict) else ():
                if key in ("migrations", "schema") and isinstance(value, str) and value.strip("./"):
                    found[key] = value.removeprefix("./").rstrip("/")
        app = str(self.content.get("app") or "").strip("/")
        if not app or section.get("kind") == "sandbox":
            return found
        return {key: f"{app}/{found.get(key, usual)}" for key, usual in USUAL_PATHS.items()}


USUAL_PATHS = {"migrations": "prisma/migrations", "schema": "prisma/schema.prisma"}
USUAL = re.compile(
    r"""\s*(#.*|(state:\s*(""|'')|app:\s*(""|'')|unencrypted:\s*\[\]|migrations:\s*prisma/migrations|schema:\s*prisma/schema\.prisma)"""
    r"""\s*(\s#.*)?)?"""
)
"""Lines of a deploy.yml that say what is so without them."""
NEEDED = re.compile(r"\b(state|unencrypted|migrations|schema)\b|^app:")
"""What a rollback has to know of it although the project was named."""


def _read(deploy_file: Path, *, all_of_it: bool) -> _File:
    """Read the file; unless ``all_of_it`` is needed, only when it says what is needed anyway: that takes a while."""
    try:
        text = deploy_file.read_text(encoding="utf-8")
        if not all_of_it and all(USUAL.fullmatch(line) or not NEEDED.search(line) for line in text.splitlines()):
            return _File({})
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as quick, where PyYAML has it
        raw = yaml.load(text, loader)  # both are safe ones
        return _File(raw if isinstance(raw, dict) else {})
    except Exception as error:  # whatever is wrong with it, --project and --domain still work
        return _File({}, " ".join(str(error).split())[:200])


@contextlib.contextmanager
def _sandbox(
    root: Path, state: str, wanted: RollbackOrder, paths: Mapping[str, str], health: str, *, own: bool
) -> Iterator[Access]:
    from pipeline.world.sandbox import OWN, SANDBOX, attached

    with attached(root, OWN if own else SANDBOX) as running:
        domain = running["urls"]["production"].partition("://")[2]
        vercel = running["vercel"]
        yield Access(
            "sandbox",
            running["urls"]["vercel"],
            running["tokens"]["vercel"],
            vercel["team"],
            vercel["project"],
            domain,
            health,
            running["database_url"],
            wanted.aim(wanted.target),
            state=state,
            paths=paths,
        )


def _linked() -> dict[str, str]:
    """Read ``.vercel/project.json`` of the folder one stands in: key → value, empty when there is none."""
    try:
        found = json.loads(Path(".vercel/project.json").read_text(encoding="utf-8"))
        return {key: str(value) for key, value in found.items()} if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}
