"""``invoke init``: looks at an app's folder and writes what it needs, shown first and with nothing of others' lost."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from os.path import normpath
from pathlib import Path

from pipeline.adoption.folder import look
from pipeline.adoption.keys import deploy_yml
from pipeline.adoption.proposal import FileChange, generated_files, written_by_people
from pipeline.adoption.seen import Seen, seen_in
from pipeline.clock import host_of
from pipeline.config import Config, load
from pipeline.documents.catalogue import CommandWords
from pipeline.documents.outside import must_stay_inside
from pipeline.documents.writing import Sources, generated, is_theirs
from pipeline.errors import Mistake
from pipeline.home import below_top, command_here, command_in
from pipeline.render.adoption import changes_text, points_text, seen_text

MOST_QUESTIONS = 2
DEPLOY_FILE = "deploy.yml"


@dataclass(frozen=True)
class InitOrder:
    """What the person asked for. ``asks`` puts a question to whoever sits there; None: nobody does.

    ``app``: the folder of the app in that folder; empty: found out. ``yes``: write without asking anything.
    """

    folder: Path
    app: str = ""
    yes: bool = False
    force: bool = False
    asks: Callable[[str], str] | None = None


def init(order: InitOrder, commands: tuple[CommandWords, ...], out: Callable[[str], None]) -> bool:
    """Show what was seen and what would change; write it when somebody agrees. True when something is left to write.

    Raises Mistake for a folder without a Next.js app, a deploy.yml that cannot be read, and links that lead out.
    """
    home = order.folder.absolute()
    if not home.is_dir():
        raise Mistake(f"{home}: there is no such folder")
    seen = _asked(order, seen_in(look(home), order.app or None))
    out(f"Seen in {order.folder}:\n{seen_text(seen)}\n")
    wanted = ("deploy.yml", ".env.example", ".gitignore")
    people = written_by_people(seen, {path: _read(home / path) for path in wanted})
    config = _config(home, people, force=order.force)
    made = generated(Sources(config, home, commands, command_in(home), below_top(home)))
    theirs = frozenset(path for path in made if is_theirs(home / path))
    changes = (*people, *generated_files(made, {path: _read(home / path) for path in made}, theirs))
    if not changes:
        out("Nothing to change.")
        return False
    below = below_top(home)  # the workflows of an app in a folder of its repository lie at the repository's top
    top = home.parents[below.count("/") - 1] if below else home
    must_stay_inside(top, {normpath(f"{below}{one.path}"): one.after for one in changes}, f"--folder {home}")
    out(changes_text(changes) + "\n")
    writes = [change for change in changes if order.force or not change.left]
    if writes and _agrees(order, len(writes)):
        _write(home, writes)
        left = [change.path for change in changes if change not in writes]
        out(f"{len(writes)} files written, {len(left)} left as they are{': ' if left else ''}{', '.join(left)}.")
        _say_what_is_open(home, seen, config, writes, out)
        return False
    if writes:
        out("Nothing was written; --yes writes it.")
    return bool(writes)


def _asked(order: InitOrder, seen: Seen) -> Seen:
    """``seen``, with what somebody answers to the few things that cannot be seen."""
    if order.asks is None or order.yes or (order.folder / DEPLOY_FILE).exists():
        return seen
    asked = 0
    if seen.others:
        asked += 1
        answer = order.asks(f"Which app: {', '.join(seen.others)}? [{seen.place}]")
        seen = seen_in(look(order.folder), answer or seen.place)
    if not seen.domain:
        asked += 1
        answer = order.asks("The production domain, e.g. www.example.com? [later]")
        seen = replace(seen, domain=host_of(answer, "the domain") if answer else "")
    if not seen.repository and asked < MOST_QUESTIONS:
        seen = replace(seen, repository=order.asks("The repository on GitHub, owner/name? [later]"))
    return seen


def _config(home: Path, people: tuple[FileChange, ...], *, force: bool) -> Config:
    """The configuration as it will be: what is there, else what is proposed. Raises Mistake when it cannot be read."""
    change = next((one for one in people if one.path == DEPLOY_FILE), None)
    if change is None or (change.left and not force):
        return load(home / DEPLOY_FILE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / DEPLOY_FILE
        path.write_text(change.after, encoding="utf-8")
        return load(path)


def _read(path: Path) -> str:
    """The text of a file; empty when there is none. Raises Mistake for one that is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(f"{path}: cannot be read: {error}") from error


def _agrees(order: InitOrder, count: int) -> bool:
    if order.yes or order.asks is None:
        return order.yes
    return order.asks(f"Write {count} files? [Y/n]").lower() in ("", "y", "yes")


def _write(home: Path, changes: list[FileChange]) -> None:
    for change in changes:
        path = home / change.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(change.after, encoding="utf-8")
        except OSError as error:
            raise Mistake(f"{path}: cannot be written: {error.strerror}") from error


def _say_what_is_open(
    home: Path, seen: Seen, config: Config, writes: list[FileChange], out: Callable[[str], None]
) -> None:
    """List what is to be filled in when the file is new, and what comes next."""
    if any(change.path == DEPLOY_FILE and not change.before for change in writes):
        out(points_text(deploy_yml(seen)[1]))
    typed = command_here(home)
    out(f"\nNext: {typed} doctor --target {config.shipped}   says which tokens and tools it wants, and where they are")
