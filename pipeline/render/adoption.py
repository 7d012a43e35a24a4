"""What ``init`` saw and would write, as text."""

import difflib
from collections.abc import Iterable, Sequence

from pipeline.adoption.keys import OpenPoint
from pipeline.adoption.proposal import FileChange
from pipeline.adoption.seen import Seen
from pipeline.redact import one_line

SHOWN = ("deploy.yml", "fleet.yml", ".env.example", ".gitignore")
LONGEST = 40  # lines of the difference of a generated file


def seen_text(seen: Seen) -> str:
    """What was seen of the app, a line a subject; what was not seen is said too."""
    database, auth, found = seen.database, seen.auth, seen.services
    kept = ", ".join(filter(None, (seen.manager, seen.workspace, f"Node {seen.node}" if seen.node else "")))
    rows = (
        ("app", f"Next.js {seen.next} in {seen.place or 'this folder'}" + (f" ({kept})" if kept else "")),
        ("repository", f"{seen.repository} ({seen.branch})" if seen.repository else ""),
        ("Vercel", _words(seen.project, seen.team)),
        ("database", _words(database.by, database.wanted, database.kind, database.schema) if database else ""),
        ("migrations", database.migrations if database else ""),
        ("sign-in", _words(auth.library if auth else "", seen.sign_in)),
        ("health", seen.health.path if seen.health else ""),
        ("errors", _words("Sentry", found.sentry_organization, found.sentry_project) if found.sentry else ""),
        ("stores", _words("Upstash" if found.upstash else "", found.bucket)),
        ("variables", f"{len(seen.variables)} read by the code, {len(seen.listed)} in an example"),
        ("workflows", _first(seen.workflows)),
    )
    return "\n".join(f"  {name:<11} {one_line(value.strip()) or 'not seen'}" for name, value in rows)


def _words(*found: str) -> str:
    return " ".join(filter(None, found))


def _first(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def changes_text(changes: Iterable[FileChange]) -> str:
    """The difference of each file: in full for those that people write, as one line for new generated ones."""
    parts, new = [], list[str]()
    for change in changes:
        if change.before == "" and change.path not in SHOWN:
            new.append(change.path)
            continue
        parts.append(_diff(change))
    folders = dict.fromkeys(path.rpartition("/")[0] for path in new)
    counts = [(folder, [path for path in new if path.rpartition("/")[0] == folder]) for folder in folders]
    parts += [f"new: {folder}/ ({len(names)} generated files)" for folder, names in counts]
    return "\n".join(parts)


def _diff(change: FileChange) -> str:
    names = (change.path if change.before else "/dev/null", change.path)
    lines = list(difflib.unified_diff(change.before.splitlines(), change.after.splitlines(), *names, lineterm=""))
    if change.path not in SHOWN and len(lines) > LONGEST:
        lines = [*lines[:LONGEST], f"… and {len(lines) - LONGEST} more lines"]
    left = [f"{change.path}: is left as it is; --force {change.how_forced}"] if change.left else []
    return "\n".join([*lines, *left])


def points_text(points: Iterable[OpenPoint]) -> str:
    """What is to be filled in, with the line of deploy.yml, and what the app has to have."""
    points = tuple(points)
    lines = [f"  deploy.yml:{one.line}: {one.key}: {one.says}" for one in points if one.line]
    beside = [f"  {one.key}: {one.says}" for one in points if not one.line]
    titled = (("To fill in:", lines), ("To know:", beside))
    return "\n".join(line for title, part in titled if part for line in (title, *part))
