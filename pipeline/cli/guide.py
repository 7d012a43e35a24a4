"""What the command line says of itself: the first page, and the list of the commands."""

import inspect
import shutil
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence

FIRST = (
    "Ships a Next.js app to Vercel through gates: checks, migrations, a staged deployment, smoke tests, promotion, "
    "a watch. Goes back by itself when the release is bad."
)
MATTER = ("deploy", "rollback", "status", "diagnose", "playbook.")
"""The commands that matter; of all others the list tells."""

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Ship", (
        ("deploy", "ship a release through every gate"),
        ("rollback", "emergency: point production back at once"),
        ("settle", "go back from what a killed run left behind"),
        ("approve", "agree to what a run would ship, with your key"),
        ("accept", "keep a release that was held, and say why"),
        ("fleet.", "many projects in waves: plan, deploy, roll back"),
        ("build.", "pull variables, build .vercel/output"),
        ("database.", "plan migrations; seed; rehearse a restore"),
    )),
    ("Look", (
        ("status", "what production serves, and whether it is well"),
        ("history", "the latest runs, and what they tell together"),
        ("report", "one run, whole; --html as a page"),
        ("follow", "a run that goes on elsewhere, until it ends"),
        ("dashboard", "the record in a browser of this machine"),
        ("logs", "what a deployment's functions or its build said"),
        ("check.", "ask one gate, or those of a family"),
        ("env.check", "variables: missing, misshapen, stale, unread"),
        ("monitor.", "the daily and the weekly checklist; baselines"),
    )),
    ("When it burns", (
        ("diagnose", "ask all that the troubleshooting guide asks"),
        ("playbook.", "be walked through an incident, step by step"),
        ("incident.", "open, tell people, note, escalate, resolve"),
        ("bisect", "which deployment was the first bad one?"),
        ("lock", "keep everybody from deploying"),
        ("unlock", "take a lock away"),
    )),
    ("Set up and write down", (
        ("runbooks", "write the runbooks and workflows anew"),
        ("runbooks.", "sign, prove, close an action"),
        ("init", "a first deploy.yml from what your app shows"),
        ("doctor", "try every token, id, address and tool"),
        ("upgrade", "what a newer version would change here"),
        ("waivers", "what is waived, why, and who has signed it"),
        ("journal.", "verify, export, import, trim the record"),
    )),
    ("Practise", (
        ("sandbox", "a whole production on this machine, to break"),
        ("load", "users who do the journeys for a while"),
        ("fault", "make a service of the sandbox misbehave"),
        ("faults", "the faults that are on, and the kinds"),
        ("drill.", "an exercise: the alarm is played, you are scored"),
        ("selftest", "break the sandbox for every gate, see it stop"),
        ("test", "everything that must be true of this project"),
    )),
)  # fmt: skip
"""Group → its commands with a few words each; a name with a dot at its end stands for a family of them."""


FEWEST = 20
"""Characters that a column of words has at least."""


def answer(words: Sequence[str], program: str) -> str:
    """What is said to ``words`` that name no command: the first page or the list. Empty: it is for Invoke to answer."""
    if not words or list(words) in (["help"], ["--help"], ["-h"]):
        return first_page(program)
    return listed(program) if list(words) in (["--list"], ["-l"], ["list"]) else ""


def first_page(program: str) -> str:
    """What this is, the commands that matter, and where to read on. ``program``: what was typed to start it."""
    words = dict(row for _, rows in GROUPS for row in rows)
    rows = [_row(f"{program} {_shown(name)}", words[name], len(program) + 14) for name in MATTER]
    more = [
        _row(f"{program} --list", "all commands", len(program) + 14),
        _row(f"{program} help COMMAND", "what it does, and its flags", len(program) + 14),
    ]
    return "\n".join([_wrapped(FIRST), "", *rows, "", *more, "", _wrapped("At 2 a.m.: runbooks/incident-response.md")])


def listed(program: str) -> str:
    """All commands, by what one wants to do, as a screen of text."""
    groups = ["\n".join([title, *(_row(_shown(name), words, 16) for name, words in rows)]) for title, rows in GROUPS]
    more = f"{program} --list FAMILY lists a family such as drill; {program} help COMMAND tells its flags"
    return "\n\n".join([*groups, _wrapped(more)])


def family(does: Mapping[str, str]) -> str:
    """The commands of a family, ``does``: name → docstring. What all their docstrings end with is said once."""
    parts = {name: " ".join(words.split()).partition(". ") for name, words in does.items()}
    rests = {rest for _, _, rest in parts.values()}
    column = max((len(name) for name in parts), default=0)
    shared = [_wrapped(rests.pop())] if len(rests) == 1 and len(parts) > 1 else []
    rows = [
        _row(name, first if shared else f"{first}{dot}{rest}", column) for name, (first, dot, rest) in parts.items()
    ]
    return "\n".join([*rows, *([""] if any(shared) else []), *filter(None, shared)])


def help_of(does: Callable[..., object], flags: Iterable[tuple[str, str]], command: str, program: str) -> str:
    """What ``command`` does, and its ``flags`` with what they are for, as a page of text."""
    rows = [(names, " ".join(words.split())) for names, words in flags]
    column = min(max((len(names) for names, _ in rows), default=0), 28)
    about = "\n\n".join(_wrapped(" ".join(part.split())) for part in inspect.cleandoc(does.__doc__ or "").split("\n\n"))
    usage = f"{program} {command}{' [flags]' if rows else ''}"
    return "\n".join(
        [usage, "", about, *([""] if rows else []), *(_row(names, words, column) for names, words in rows)]
    )


def _shown(name: str) -> str:
    return f"{name}…" if name.endswith(".") else name


def _row(name: str, words: str, column: int) -> str:
    room = _width() - column - 4
    if room < FEWEST:  # beside each other they would be a word a line
        below = textwrap.wrap(words, _width() - 6, break_long_words=False, break_on_hyphens=False)
        return "\n".join([f"  {name}".rstrip(), *(f"      {line}" for line in below)])
    first, *more = textwrap.wrap(words, room, break_long_words=False) or [""]
    more, first = (more, first) if len(name) <= column else ([first, *more], "")
    return "\n".join([f"  {name:<{column}}  {first}".rstrip(), *(f"{'':<{column + 4}}{line}" for line in more)])


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _width(), break_long_words=False, break_on_hyphens=False)


def _width() -> int:
    return max(min(shutil.get_terminal_size().columns, 100), 40)
