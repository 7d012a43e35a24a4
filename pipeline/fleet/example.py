"""A fleet to play with: small projects in the sandbox, a few of them broken in known ways."""

import json
from pathlib import Path

from pipeline.errors import Mistake
from pipeline.fleet.checkouts import LOCAL
from pipeline.home import FILE, FLEET

LEAST, MOST = 2, 200
BROKEN = ("broken-login", "broken-login", "broken-health")
"""What the broken ones ship: two are broken alike, so that there is one finding of two."""
PROJECT = """\
source: {repository: acme/lms}
targets:
  sandbox:
    kind: sandbox
    override: {vitals: {lab: false}}
    pace:
      smoke: {patience: 1s, every: 300ms}
      validate: {patience: 1s, every: 300ms}
      watch: {during: 1s, patience: 3s, every: 300ms}
"""
YAML = """\
# A fleet in the sandbox: ./inv fleet.plan shows it, ./inv fleet.deploy deploys it. docs/fleet.md explains every key.
at_once: 2 # how many are under way at the same time
budget: {budget} # how many may end badly before nothing more begins
when_spent: keep # or: roll back the wave, roll back all

workers: {{heartbeat: 1s, silent: 5s}} # a worker that is silent for so long is dead

waves:
  - {{name: canaries, select: canary=yes}}
  - {{name: some, percent: 25}}
  - {{name: rest}}

groups:
  shops: {{labels: {{tier: shop}}}}
  blogs: {{labels: {{tier: blog}}}}

projects:
"""


def write_example(folder: Path, projects: int) -> list[Path]:
    """Write a fleet of so many projects into ``folder``; the files. Raises Mistake when there is a fleet already."""
    if not LEAST <= projects <= MOST:
        raise Mistake(f"--projects {projects}: from {LEAST} to {MOST}")
    if (folder / FLEET).exists():
        raise Mistake(f"{folder / FLEET}: is there already; name another folder with --to")
    names = [f"{'shop' if number % 2 else 'blog'}-{number:02}" for number in range(1, projects + 1)]
    bad = dict(zip(reversed(names), BROKEN[: projects // 4], strict=False))
    canaries = names[: max(1, projects // 6)]
    files = {f"projects/{name}/{FILE}": PROJECT for name in names}
    lines = [_line(name, bad.get(name, ""), name in canaries) for name in names]
    files[FLEET] = YAML.format(budget=len(bad)) + "\n".join(lines) + "\n"
    homes = [str((folder / "projects" / name).resolve()) for name in names]
    files[f"{LOCAL}/worlds.json"] = json.dumps(homes)
    for path, text in files.items():
        try:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise Mistake(f"--to {folder}: cannot be written: {error.strerror}") from error
    return [folder / path for path in files]


def _line(name: str, ships: str, canary: bool) -> str:
    said = [f"home: projects/{name}", f"group: {name.partition('-')[0]}s"]
    said += [f"ships: {ships}"] if ships else []
    said += ['labels: {canary: "yes"}'] if canary else []
    return f"  {name}: {{{', '.join(said)}}}"
