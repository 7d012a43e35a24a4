"""Asks, before a pull request is merged, what can be asked without any service: of the files, and of git."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from checks import database, sql
from checks.evidence import LiveSchema, Migrations, PlannedChanges
from checks.gate import Finding, Gate
from checks.policy import DatabasePolicy
from pipeline.clients import git
from pipeline.clients.prisma import migrations_in, order, provider_of
from pipeline.clients.prismaversion import sends_each
from pipeline.config import Config
from pipeline.engine.waivers import noted, waive
from pipeline.errors import Mistake
from pipeline.sql.changes import changes_of, known_after
from pipeline.sql.cutting import when_cut
from pipeline.sql.liveschema import live_schema

DECIDE = (database.history_is_clean, sql.can_run, sql.live_code_survives, sql.data_are_kept)
ADVISE = (sql.nobody_waits,)
"""How large a table is, and so how long it is locked, only the database knows: preflight asks it."""


@dataclass(frozen=True)
class Remark:
    """What a gate says of a file: its path from the root of the checkout, and the line, 0 for the whole of it."""

    gate: str
    finding: Finding
    file: str
    line: int


def before_the_merge(config: Config, target: str, folder: Path, base: str, today: date) -> tuple[Remark, ...]:
    """What the gates on migrations say of those that ``folder`` has and the commit ``base`` has not.

    What is live is taken to be ``base``. Raises Mistake when git does not know that commit.
    """
    policy = config.policies[target].database
    known = _evidence(folder, _commit(folder, base), policy)

    def asked(gate: Gate) -> tuple[Finding, ...]:
        found = gate.ask({kind: known[kind] for kind in gate.inputs.values()})
        found = waive(config.file.waivers, gate.name, found, today)
        return tuple(map(noted, found)) if gate in ADVISE else found

    return tuple(_remark(gate, finding, policy) for gate in (*DECIDE, *ADVISE) for finding in asked(gate))


def _remark(gate: Gate, finding: Finding, policy: DatabasePolicy) -> Remark:
    """A finding with its place: gates say ``MIGRATION:LINE``, ``MIGRATION``, or name a file beside the migrations."""
    name, _, line = finding.subject.partition(":")
    file = name if name.endswith(".toml") else f"{name}/migration.sql"
    return Remark(gate.name, finding, f"{policy.migrations}/{file}", int(line) if line.isdigit() else 0)


def _evidence(folder: Path, base: str, policy: DatabasePolicy) -> Mapping[type, Any]:
    on_disk = migrations_in(folder / policy.migrations)
    changed = _changed(folder, base, policy.migrations)
    added = [one for one in on_disk if changed.get(one.name) == "A"]
    earlier = [one for one in on_disk if changed.get(one.name) != "A"]
    newest = max((order(one.name) for one in earlier), default=None)
    migrations = Migrations(
        pending=tuple(one.name for one in added),
        applied=tuple(one.name for one in earlier),
        failed=(),
        edited=tuple(one.name for one in earlier if changed.get(one.name) == "M"),
        unknown=tuple(sorted(name for name, how in changed.items() if how == "D")),
        late=tuple(one.name for one in added if newest and order(one.name) < newest),
        provider=provider_of(folder / policy.migrations) if on_disk else "postgresql",
    )
    known = known_after((one.name, one.sql) for one in earlier)
    new = [(one.name, one.sql) for one in added]
    changes = changes_of(new, known)
    in_parts = policy.engine == "builtin" or sends_each(folder)
    planned = PlannedChanges(when_cut(changes, new) if in_parts else changes)
    return {
        Migrations: migrations,
        PlannedChanges: planned,
        LiveSchema: _live(folder, base, policy),
        DatabasePolicy: policy,
    }


def _commit(folder: Path, base: str) -> str:
    found = git.asked(folder, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}"])
    if not found:
        raise Mistake(f"--base {base}: git does not know that commit in {folder}; check out with fetch-depth: 2")
    return found.strip()


def _changed(folder: Path, base: str, migrations: str) -> dict[str, str]:
    """Migration → A, M or D: added, modified or deleted since ``base``."""
    words = ["diff", "-z", "--name-status", "--no-renames", "--relative", base, "--", migrations]
    said = git.asked(folder, words)
    if said is None:
        raise Mistake(f"--base {base}: git cannot compare it with {folder}")
    parts = said.split("\0")[:-1]
    files = zip(parts[::2], parts[1::2], strict=True)
    return {Path(path).parent.name: how for how, path in files if Path(path).name == "migration.sql"}


def _live(folder: Path, base: str, policy: DatabasePolicy) -> LiveSchema:
    texts = git.texts(folder, base, policy.schema)
    if not texts:
        return LiveSchema(base, False, says=f"{policy.schema} is not in {base[:12]}")
    return live_schema(base, texts)
