"""``deploy.yml``: read, every mistake reported at once with file, line and key path, and turned into policies."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks import policy
from checks.policy import Policy
from pipeline.clock import host_of
from pipeline.config import example
from pipeline.config.document import (
    DURATION,
    by_line,
    dotted,
    duplicates,
    line_of,
    read,
)
from pipeline.config.example import merged
from pipeline.config.journeys import Said as Wrong
from pipeline.config.journeys import mistakes_beside, mistakes_in
from pipeline.config.shapes import misshapen, said_at, unfilled
from pipeline.config.shared import SharedSections, shared_here
from pipeline.config.target import Target
from pipeline.config.tools import pinned_vercel
from pipeline.config.validating import documented, validated
from pipeline.config.versions import must_be_for_us
from pipeline.errors import Mistake
from pipeline.home import suffix_of

if TYPE_CHECKING:
    from checks.gate import Gate


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
    requires: str = ""
    """The versions of this tool that the file is written for, e.g. `>=0.1,<0.2`; another one refuses. Empty: any."""
    action: str = ""
    """The GitHub action that gives workflows this tool, e.g. `acme/deploy-runbook@` and the 40 digits of a commit.
    Empty: they end and ask for it, for a name in an index may be anybody's; a checkout that is its own home uses
    itself."""
    app: str = ""
    """The folder of the app, from this file's, e.g. `apps/web`; empty: this file's own."""
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
    unfilled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Target → a line for each value that still is an example's: such a target cannot be opened."""
    found_own: "tuple[Gate, ...]" = ()
    wrong_own: str = ""
    """What is wrong in the folder ``gates/``: whoever only looks, or goes back, does not wait for it to be mended."""

    @property
    def own(self) -> "tuple[Gate, ...]":
        """The gates of the home's own, from its folder ``gates/``. Raises Mistake listing what is wrong there."""
        if self.wrong_own:
            raise Mistake(self.wrong_own)
        return self.found_own

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
        """Stage → the settings that ``target`` changes, and only those."""
        found = self.file.targets[target]
        usual = example.QUICKLY if found.kind == "sandbox" else {}
        said = {stage: {key: v for key, v in vars(one).items() if v is not None} for stage, one in found.pace.items()}
        return {stage: {**usual.get(stage, {}), **said.get(stage, {})} for stage in (*usual, *said)}


def load(path: Path, text: str = "", shared: SharedSections | None = None) -> Config:
    """Read ``path``. Raises Mistake listing every mistake in it, each as ``file:line: key.path: what is wrong``.

    ``text``: what it would say, when it is another than that. ``shared``: what a fleet says of it, when that is another
    than this process was told.
    """
    shared = shared_here() if shared is None else shared
    raw, tree = read(path, "copy the annotated example from the README's project", "`source:` and `targets:`", text)
    must_be_for_us(raw, tree, path.name)
    mistakes = list(duplicates(tree, path.name))
    raw = shared.in_file(raw)
    file = validated(DeployFile, raw, tree, path.name, mistakes)
    if file is None:
        mistakes += _of_journeys(mistakes_beside(_journeys_in(raw)), tree, path.name, ())
    policies = {}
    for name, target in file.targets.items() if file else ():
        sections = {key: value for key, value in raw.items() if key in SECTIONS}
        if target.kind == "sandbox" and target.example and not target.own:
            sections = merged(sections, example.sections())
        within = ("targets", name, "override")
        sections = shared.over_sections(merged(sections, target.override))
        whole = validated(DeployFile, sections, tree, path.name, mistakes, within)
        journeys = mistakes_in(whole.smoke.journeys) if whole else mistakes_beside(_journeys_in(sections))
        mistakes += _of_journeys(journeys, tree, path.name, within)
        if whole:
            policies[name] = Policies(**{key: getattr(whole, key) for key in SECTIONS})
    if file and file.target not in file.targets:
        mistakes.append(said_at(path.name, tree, ("target",), _no_target(file, raw)))
    mistakes += misshapen(raw, tree, path.name)
    policies = {name: _with_own(found, path) if found else found for name, found in policies.items()}
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
    found = {name: unfilled(raw, tree, path.name, name) for name in targets}
    return Config(dataclasses.replace(file, targets=targets), policies, found, *_own(path.parent))


def _journeys_in(sections: Mapping[str, Any]) -> Any:
    smoke = sections.get("smoke")
    return smoke.get("journeys") if isinstance(smoke, dict) else None


def _of_journeys(mistakes: Iterable[Wrong], tree: Any, name: str, within: tuple[str, ...]) -> Iterator[str]:
    """A line for each mistake in the journeys; by that of the target's ``override`` when they stand there."""
    for path, says in mistakes:
        there = ("smoke", "journeys", *path)
        line = line_of(tree, ("smoke", "journeys")) and line_of(tree, there)
        yield f"{name}:{line or line_of(tree, (*within, *there))}: {dotted(there)}: {says}"


def _own(home: Path) -> "tuple[tuple[Gate, ...], str]":
    """The home's own gates, and what is wrong in them; whoever has none does not wait for what reads them."""
    if not (home / "gates").is_dir():
        return (), ""
    from pipeline.config.own import own_gates

    try:
        return own_gates(home), ""
    except Mistake as mistake:
        return (), str(mistake)


def _no_target(file: DeployFile, raw: Mapping[str, Any]) -> str:
    """Why the usual target is none, and what to say instead when nobody has said one."""
    there_is_none = f"there is no {file.target!r} under `targets`"
    if "target" in raw:
        return there_is_none
    instead = f"target: {next(iter(file.targets))}" if file.targets else "targets: {sandbox: {kind: sandbox}}"
    return f"is not set, and {there_is_none}; say   {instead}"


def _with_own(policies: Policies, path: Path) -> Policies:
    """The policies with what is ours: the Vercel CLI that our lock file pins, and the names of our workflows here."""
    build, suffix = policies.build, suffix_of(path.absolute().parent)
    own = tuple(dict.fromkeys((*policies.ci.own, *(one.replace(".yml", f"{suffix}.yml") for one in policies.ci.own))))
    return dataclasses.replace(
        policies,
        build=dataclasses.replace(build, version=build.version or pinned_vercel()),
        ci=dataclasses.replace(policies.ci, own=own),
    )


def schema() -> dict[str, Any]:
    """JSON Schema of ``deploy.yml`` for editors. Numbers that are seconds may be spelt ``10m``."""
    made: dict[str, Any] = documented(DeployFile).json_schema()
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
