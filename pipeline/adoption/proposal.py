"""What ``init`` would write into a folder: each file as it is and as it would be; nothing that people wrote is lost."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.adoption.example import env_example, ignored
from pipeline.adoption.keys import deploy_yml
from pipeline.adoption.seen import Seen

SECTION = re.compile(r"^(?=[a-z]\w*:)", re.M)
OVERWRITES, ADDS = "overwrites it", "adds the sections that it has not"
THEIRS = "overwrites it; it is not of this tool: call yours otherwise, and say init again"


@dataclass(frozen=True)
class FileChange:
    """A file that differs from what it would be; ``before`` is empty for a new one. ``left``: not without --force."""

    path: str
    before: str
    after: str
    left: bool = False
    how_forced: str = OVERWRITES


def with_missing_sections(before: str, made: str) -> str:
    """``before``, the text of a deploy.yml, and below it the sections of ``made`` that it has not."""
    there = set(re.findall(r"^([a-z]\w*):", before, re.M))
    missing = [part.rstrip() for part in SECTION.split(made)[1:] if part.partition(":")[0] not in there]
    return before.rstrip("\n") + "\n\n" + "\n\n".join(missing) + "\n" if missing else before


def written_by_people(seen: Seen, files: Mapping[str, str]) -> tuple[FileChange, ...]:
    """The changes of the files that people write on in; ``files``: path → the text that it has now."""
    made, _ = deploy_yml(seen)
    before = files.get("deploy.yml", "")
    first = FileChange(
        "deploy.yml", before, with_missing_sections(before, made) if before else made, bool(before), ADDS
    )
    example, ignores = files.get(".env.example", ""), files.get(".gitignore", "")
    found = (
        first,
        FileChange(".env.example", example, env_example(seen, example)),
        FileChange(".gitignore", ignores, ignored(ignores)),
    )
    return tuple(change for change in found if change.before != change.after)


def generated_files(
    made: Mapping[str, str], files: Mapping[str, str], theirs: frozenset[str] = frozenset()
) -> tuple[FileChange, ...]:
    """The changes of generated files ``made``; one that is there with another text is left.

    ``theirs``: those of the same name that this tool has not written.
    """
    return tuple(
        FileChange(path, files.get(path, ""), text, bool(files.get(path)), THEIRS if path in theirs else OVERWRITES)
        for path, text in sorted(made.items())
        if files.get(path, "") != text
    )
