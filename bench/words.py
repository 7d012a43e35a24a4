"""Docstrings without a verb or a noun of the vocabulary, and parameters named by no noun: counted for every package.

A heuristic that says where to read, not a judge: a docstring that it passes may still be unclear.
``python -m bench.words [--list] [PACKAGE …]``
"""

import argparse
import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

IDEAS = frozenset(
    re.findall(
        r"\w+",
        """
deployment drill evidence fault finding gate incident journal outcome pipeline playbook policy preview probe procedure
production promotion release rollback run runbook sandbox severity stage step verdict waiver world
""",
    )
)
"""The ideas of this project: one word each."""

ROOMS = frozenset(
    re.findall(
        r"\w+",
        """
account act action address alarm alert alias analytics anomaly answer app approval archive backup baseline body branch
breach breakage browser bucket bug build bundle bytes cadence calendar canary chain challenge change channel checklist
chrome claim clause client clock cloudflare clue cluster code column command comment commit complaint computer
connection consent constraint contact contract control cookie copy count counter cron database day deadline decision
declaration definition dependency desk digest directory dns document domain draft drift driver edge email emulator
endpoint engine entry enum environment error event example exception expectation expiry export extension fact failure
field file filter finding flag fold folder framework function gate github google group hand handler hash head header
heartbeat history host hour html identity index input installation integer issue job journey json key kind lab label
laboratory latency length letter level library limit line link list load lock log login lua machine mail maintenance
mark marker member memory message meta method metric migration millisecond minute mistake mode module monitor month
name neon network nextauth node note notice notification number object operation operator order ordinal organization
origin output owner package page parameter parent parser part password path patience payload percentile period
permission person phase plan pool port post postgres postgresql prisma privilege probability problem process product
profile project prompt proof property provider pull python quarter query question queue quota range rate ratio reader
reading reason record redis remedy reminder repository request requirement response restore result retention review
rewrite role route row rule runner runtime sample scanner scenario schema score screen script search second secret
section sentence sentry sequence server service session setting shape share sheet sign signature site situation size
sketch slack slot snapshot socket source span sql state statement statistics status storage store string student
subject sum suspect symptom system table tag target team template tenant terminal test text thread threshold time
timeline timeout timestamp title token tool traceback traffic transaction transport tree trial trigger type undo
update upload upstash uptime url user value variable vendor vercel version view visible visit visitor vital wait
warning watch way webhook window word wording worker workflow write zone
""",
    )
)
"""What the services and the parts of this project are called."""

VERBS = frozenset(
    re.findall(
        r"\w+",
        """
answer apply are ask be been began begin begun break bring broke broken brought build built buy came can cannot carry
choose chose chosen close come could cut deploy did do does draw drawn fall fell find fly forget found gave get give
given go gone got grow had has have hear heard held hidden hide hit hold hurt is keep kept know known lay lead leave
led left let lie look lose lost made make may mean meant move must open pay pin promote put raise ran read rise roll
run said saw say see seen send sent set shall should show shown spend split spread stand stay stood stop swear take
taken teach tell think throw thrown told took try wait wake was wear went were will win would write written wrote
""",
    )
)
"""Verbs that no ending gives away."""

NO_VERB = ("a", "an", "every", "for", "in", "its", "likewise", "of", "one", "the", "what", "which", "whose")
"""First words after which no imperative can stand: a sentence that begins so needs a verb further on."""

VAGUE = ("it", "at", "one", "that", "thing", "x", "found", "what")
"""Names that say nothing about the value; the first six are forbidden as parameters (tests/test_architecture.py)."""

MANUAL = ("gate", "step", "probe")
"""Under these decorators a docstring is a page of the runbooks, read and reviewed there."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A docstring or a name that somebody has to look at: where it is, and why."""

    package: str
    place: str
    kind: str
    text: str


def package(path: Path) -> str:
    """The package that a module belongs to: ``pipeline.clients``, ``checks.evidence``, or ``checks`` for its files."""
    parts = path.relative_to(ROOT).parts
    return ".".join(parts[:2]) if len(parts) > 2 else parts[0]


def modules() -> list[Path]:
    """The modules of ``checks`` and ``pipeline``, without the app that the sandbox serves."""
    paths = [*(ROOT / "checks").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py")]
    return sorted(path for path in paths if "sandbox/app" not in path.as_posix())


def first_sentence(docstring: str) -> str:
    """The first sentence of a docstring, its lines joined."""
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    return re.split(r"(?<=[.!?])\s", paragraph)[0]


def plain(word: str) -> set[str]:
    """The singular forms that a word may be of: ``branches`` → branch, ``policies`` → policy."""
    endings = (("", ""), ("s", ""), ("es", ""), ("ies", "y"))
    return {word[: len(word) - len(end)] + instead for end, instead in endings if word.endswith(end)}


def has_noun(sentence: str) -> bool:
    """Whether a sentence has a noun of the vocabulary, literal names in backticks taken apart at their capitals."""
    words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", sentence.replace("’s", "").replace("'s", ""))
    return any(plain(word.lower()) & (IDEAS | ROOMS) for word in words)


def has_verb(sentence: str) -> bool:
    """Whether a sentence has a word that is, or looks like, a verb."""
    words = re.findall(r"[a-z]+", re.sub(r"``.*?``", "", sentence).lower())
    if words and words[0] not in NO_VERB:
        return True
    return any(word in VERBS or word.endswith(("s", "ed", "ing")) for word in words)


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """The docstrings of a module that are not manual: line, name of what they describe, and text."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        marks = {ast.unparse(mark).split("(")[0] for mark in getattr(node, "decorator_list", [])}
        text = ast.get_docstring(node)
        if text and not marks & set(MANUAL):
            yield getattr(node, "lineno", 1), getattr(node, "name", "module"), text


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[str]:
    """The names of a function's parameters, of every kind."""
    given = node.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [parameter.arg for parameter in named if parameter]


def names(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """The names that a module gives to parameters, attributes and loop variables: line, kind and name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from ((node.lineno, "parameter", name) for name in parameters(node))
        elif isinstance(node, ast.ClassDef):
            fields = (line.target for line in node.body if isinstance(line, ast.AnnAssign))
            yield from ((field.lineno, "attribute", field.id) for field in fields if isinstance(field, ast.Name))
        elif isinstance(node, ast.For | ast.AsyncFor):
            targets = (part for part in ast.walk(node.target) if isinstance(part, ast.Name))
            yield from ((node.lineno, "loop", target.id) for target in targets)


def remarks(path: Path) -> Iterator[Remark]:
    """Everything in a module that somebody has to look at."""
    tree, place = ast.parse(path.read_text(encoding="utf-8")), path.relative_to(ROOT).as_posix()
    for line, name, text in docstrings(tree):
        sentence = first_sentence(text)
        for kind, missing in (("no noun", not has_noun(sentence)), ("no verb", not has_verb(sentence))):
            if missing:
                yield Remark(package(path), f"{place}:{line}", kind, f"{name}: {sentence}")
    for line, kind, name in names(tree):
        if name in VAGUE:
            yield Remark(package(path), f"{place}:{line}", kind, name)


def main() -> None:
    """Print how many remarks every package has, of each kind; with ``--list`` the remarks themselves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE")
    parser.add_argument("--list", action="store_true", help="print every remark, not only their number")
    wanted = parser.parse_args()
    kinds = ("no noun", "no verb", "parameter", "attribute", "loop")
    counts: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys((*kinds, "docstrings"), 0))
    for path in modules():
        if wanted.packages and package(path) not in wanted.packages:
            continue
        counts[package(path)]["docstrings"] += len(list(docstrings(ast.parse(path.read_text(encoding="utf-8")))))
        for remark in remarks(path):
            counts[remark.package][remark.kind] += 1
            if wanted.list:
                print(f"{remark.place}: {remark.kind}: {remark.text}")
    columns = ("docstrings", *kinds)
    print(f"{'package':26}" + "".join(f"{column:>11}" for column in columns))
    for name, row in counts.items():
        print(f"{name:26}" + "".join(f"{row[column]:>11}" for column in columns))


if __name__ == "__main__":
    main()
