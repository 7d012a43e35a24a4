"""``deploy.yml``: read, every mistake reported at once with file, line and key path, and turned into policies."""

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from checks import policy
from checks.policy import Policy
from pipeline.clock import host_of
from pipeline.config.document import (
    DURATION,
    Loader,
    by_line,
    dotted,
    duplicates,
    in_words,
    line_of,
    yaml_mistake,
)
from pipeline.config.tools import pinned_vercel
from pipeline.errors import Mistake


@dataclass(frozen=True)
class Services(Policy):
    """Base addresses of the services' APIs."""

    vercel: str = "https://api.vercel.com"
    """Vercel's REST API."""
    github: str = "https://api.github.com"
    """GitHub's REST API."""
    sentry: str = "https://us.sentry.io"
    """Sentry, of your region: `us` or `de`."""
    betterstack: str = "https://uptime.betterstack.com"
    """Better Stack Uptime."""
    vercel_status: str = "https://www.vercel-status.com"
    """Vercel's status page."""
    neon_status: str = "https://neonstatus.com"
    """Neon's status page."""
    neon: str = "https://console.neon.tech/api/v2"
    """Neon's API."""
    cloudflare: str = "https://api.cloudflare.com"
    """Cloudflare's API, for the size of a bucket."""
    upstash: str = "https://api.upstash.com"
    """Upstash's management API."""
    crux: str = "https://chromeuxreport.googleapis.com"
    """Google's Chrome UX Report."""


@dataclass(frozen=True)
class Pace(Policy):
    """How patient one stage is on this target. Left out: as the pipeline declares it."""

    patience: float | None = None
    """How long *not yet* and *unknown* are borne."""
    during: float | None = None
    """How long the stage goes on watching."""
    every: float | None = None
    """Time between two rounds of questions."""
    in_a_row: int | None = None
    """How many rounds must be good, one after the other."""
    budget: int | None = None
    """How many rounds may be bad in all, however short each of them is."""


SANDBOX_PACE = {
    "preflight": Pace(patience=3, every=0.5),
    "build": Pace(patience=30, every=0.2),
    "migrate": Pace(patience=3, every=0.5),
    "wake": Pace(patience=5, every=0.2),
    "smoke": Pace(patience=4, every=0.5),
    "confirm": Pace(patience=3, every=0.5),
    "promote": Pace(patience=10, every=0.1),
    "validate": Pace(patience=2, every=0.3),
    "watch": Pace(during=4, patience=2, every=0.5),
}
"""Stage → how patient it is in the sandbox, unless deploy.yml says otherwise: everything happens in seconds there."""


@dataclass(frozen=True)
class Target(Policy):
    """A target: one place to deploy to."""

    kind: Literal["sandbox", "preview", "production"]
    """`sandbox` starts by itself and needs nothing below."""
    project: str = ""
    """Vercel project id or name."""
    team: str = ""
    """Vercel team id (`team_…`); empty for a personal account."""
    domain: str = ""
    """The production domain."""
    services: Services = field(default_factory=Services)
    """Where the APIs are; leave it out for the vendors' own."""
    pace: dict[str, Pace] = field(default_factory=dict)
    """Stage name → how patient it is here. In the sandbox a stage that is left out is quick."""
    override: dict[str, Any] = field(default_factory=dict)
    """Sections of this file that are different on this target, merged over the ones above."""


@dataclass(frozen=True)
class Policies(Policy):
    """The sections that say what is required; every one is a policy that gates and steps ask for."""

    source: policy.SourcePolicy
    errors: policy.ErrorsPolicy = field(default_factory=policy.ErrorsPolicy)
    uptime: policy.UptimePolicy = field(default_factory=policy.UptimePolicy)
    ci: policy.ContinuousIntegrationPolicy = field(default_factory=policy.ContinuousIntegrationPolicy)
    review: policy.ReviewPolicy = field(default_factory=policy.ReviewPolicy)
    approval: policy.ApprovalPolicy = field(default_factory=policy.ApprovalPolicy)
    security: policy.SecurityPolicy = field(default_factory=policy.SecurityPolicy)
    environment: policy.EnvironmentPolicy = field(default_factory=policy.EnvironmentPolicy)
    build: policy.BuildPolicy = field(default_factory=policy.BuildPolicy)
    identity: policy.IdentityPolicy = field(default_factory=policy.IdentityPolicy)
    promotion: policy.PromotionPolicy = field(default_factory=policy.PromotionPolicy)
    freeze: policy.FreezePolicy = field(default_factory=policy.FreezePolicy)
    vendors: policy.VendorsPolicy = field(default_factory=policy.VendorsPolicy)
    health: policy.HealthPolicy = field(default_factory=policy.HealthPolicy)
    smoke: policy.SmokePolicy = field(default_factory=policy.SmokePolicy)
    performance: policy.PerformancePolicy = field(default_factory=policy.PerformancePolicy)
    database: policy.DatabasePolicy = field(default_factory=policy.DatabasePolicy)
    storage: policy.StoragePolicy = field(default_factory=policy.StoragePolicy)
    redis: policy.RedisPolicy = field(default_factory=policy.RedisPolicy)
    auth: policy.AuthPolicy = field(default_factory=policy.AuthPolicy)
    vitals: policy.VitalsPolicy = field(default_factory=policy.VitalsPolicy)
    contacts: policy.ContactsPolicy = field(default_factory=policy.ContactsPolicy)
    incidents: policy.IncidentsPolicy = field(default_factory=policy.IncidentsPolicy)
    runbooks: policy.RunbooksPolicy = field(default_factory=policy.RunbooksPolicy)

    def by_type(self) -> dict[type, Any]:
        """Policy type → the section, as gates and steps ask for it."""
        return {type(section): section for section in (getattr(self, f.name) for f in dataclasses.fields(self))}


SECTIONS = frozenset(f.name for f in dataclasses.fields(Policies))


@dataclass(frozen=True)
class DeployFile(Policies):
    """The whole of ``deploy.yml``."""

    targets: dict[str, Target] = field(default_factory=dict)
    """Where to deploy."""
    target: str = "sandbox"
    """The target when `--target` is not given."""
    state: str = ""
    """Where runs are kept: a path, or the NAME of an environment variable with a Postgres URL. Empty: `.runs/`."""
    unencrypted: tuple[str, ...] = ()
    """Hosts off this machine that may be spoken to without encryption, e.g. `[db.internal]`; anywhere else `http://`,
    and Postgres without `sslmode=require` or stricter, are refused."""
    waivers: tuple[policy.Waiver, ...] = ()
    """Dated decisions that one gate's block counts as a warning."""
    shadow: tuple[str, ...] = ()
    """Gates that only report what they would have done, e.g. `[watch.errors-stay-usual]`, until you trust them."""


@dataclass(frozen=True)
class Config:
    """A valid ``deploy.yml``. ``policies``: target → its sections, with what the target overrides."""

    file: DeployFile
    policies: Mapping[str, Policies]

    def target(self, name: str = "") -> tuple[str, Target]:
        """Find the target of that name, or the default one. Raises Mistake when there is none."""
        chosen = name or self.file.target
        if chosen not in self.file.targets:
            raise Mistake(f"--target {chosen}: is no target; deploy.yml has {', '.join(sorted(self.file.targets))}")
        return chosen, self.file.targets[chosen]

    @property
    def shipped(self) -> str:
        """The target that a push is deployed to: ``production``, else the first of that kind, else the default one."""
        kinds = {name: target.kind for name, target in self.file.targets.items()}
        found = (name for name in ("production", *kinds) if kinds.get(name) == "production")
        return next(found, self.file.target)

    def pace(self, target: str) -> dict[str, dict[str, float | int]]:
        """Stage → the settings that ``target`` changes, and only those. In the sandbox all happens in seconds."""
        aim = self.file.targets[target]
        changed = {**(SANDBOX_PACE if aim.kind == "sandbox" else {}), **aim.pace}
        return {stage: {key: v for key, v in vars(one).items() if v is not None} for stage, one in changed.items()}


def load(path: Path) -> Config:
    """Read ``path``. Raises Mistake listing every mistake in it, each as ``file:line: key.path: what is wrong``."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Mistake(f"{path.name}: is missing; copy the annotated example from the README's project") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(f"{path.name}: cannot be read: {error}") from error
    try:
        tree = yaml.compose(text, Loader)
        raw = yaml.load(text, Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise Mistake(yaml_mistake(path.name, error)) from error
    if not isinstance(raw, dict):
        raise Mistake(f"{path.name}:1: must be a mapping of sections, such as `source:` and `targets:`")
    mistakes = list(duplicates(tree, path.name))
    file = _validate(DeployFile, raw, tree, path.name, mistakes)
    policies = {}
    for name, target in file.targets.items() if file else ():
        sections = {key: value for key, value in raw.items() if key in SECTIONS}
        within = ("targets", name, "override")
        whole = _validate(DeployFile, _merge(sections, target.override), tree, path.name, mistakes, within)
        if whole:
            policies[name] = Policies(**{key: getattr(whole, key) for key in SECTIONS})
    if file and file.target not in file.targets:
        mistakes.append(
            f"{path.name}:{line_of(tree, ('target',))}: target: there is no {file.target!r} under `targets`"
        )
    policies = {name: _with_pins(found) if found else found for name, found in policies.items()}
    targets = {}
    for name, target in file.targets.items() if file else ():
        where = ("targets", name, "domain")
        try:
            host = host_of(target.domain, dotted(where)) if target.domain else ""
        except Mistake as mistake:
            mistakes.append(f"{path.name}:{line_of(tree, where)}: {mistake}")
        else:
            targets[name] = dataclasses.replace(target, domain=host)
    if mistakes or file is None:
        raise Mistake("\n".join(sorted(set(mistakes), key=by_line)))
    return Config(dataclasses.replace(file, targets=targets), policies)


def _with_pins(policies: Policies) -> Policies:
    """The policies with the version of the Vercel CLI that our lock file pins, where deploy.yml names none."""
    build = policies.build
    return dataclasses.replace(policies, build=dataclasses.replace(build, version=build.version or pinned_vercel()))


@cache
def _adapter(kind: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


@cache
def _documented(kind: type) -> Any:
    """An adapter that knows what stands below each key. It reads sources, so nobody who only validates waits for it."""
    from pydantic import TypeAdapter

    plain = policy.Policy.__pydantic_config__
    policy.Policy.__pydantic_config__ = {**plain, "use_attribute_docstrings": True}
    try:
        return TypeAdapter(kind)
    finally:
        policy.Policy.__pydantic_config__ = plain


def _validate(kind: Any, raw: Any, tree: Any, name: str, mistakes: list[str], within: tuple[str, ...] = ()) -> Any:
    """``raw`` as ``kind``, or None after adding a line to ``mistakes`` for each thing that is wrong."""
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(raw)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            path = tuple(part for part in item["loc"] if not str(part).startswith("function-"))
            line = line_of(tree, (*within, *path)) or line_of(tree, path)
            mistakes.append(f"{name}:{line}: {dotted(path)}: {in_words(item)}")
        return None


def _merge(base: Any, over: Any) -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        return {**copy.deepcopy(base), **{key: _merge(base.get(key), value) for key, value in over.items()}}
    return over


def schema() -> dict[str, Any]:
    """JSON Schema of ``deploy.yml`` for editors. Numbers that are seconds may be spelt ``10m``."""
    made: dict[str, Any] = _documented(DeployFile).json_schema()
    for part in (made, *made.get("$defs", {}).values()):
        for key, value in part.get("properties", {}).items():
            if not key.endswith(("_ms", "_percent", "times_baseline")):
                _spell_durations(value)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "deploy.yml", **made}


def _spell_durations(value: dict[str, Any]) -> None:
    for option in (value, *value.get("anyOf", ())):
        if option.get("type") == "number":
            option["type"] = ["number", "string"]
            option["pattern"] = DURATION.pattern
