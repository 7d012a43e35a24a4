"""Draws the README's picture from two real runs in a fresh sandbox: one that is deployed, one that is taken back.

Run: .venv/bin/python -m bench.picture
"""

import re
import subprocess

from rich.console import Console
from rich.text import Text

from bench.common import INV, ROOT
from pipeline.cli.progress import COLOURS

OUT = ROOT / ".github/deploy.svg"


def run(*words: str) -> list[str]:
    said = subprocess.run([INV, *words], capture_output=True, text=True, check=False).stdout
    return [line for line in said.splitlines() if not line.startswith("  …")]


def main() -> None:
    run("sandbox", "--reset")
    good, bad = run("deploy"), run("deploy", "--from", "broken-health")
    shown = ["$ ./inv deploy", *good[1:5], "  ⋮", *good[good.index("watch") :], ""]
    shown += ["$ ./inv deploy --from broken-health", "  ⋮", *bad[bad.index("validate") :]]
    console = Console(record=True, width=108, file=open("/dev/null", "w"))  # noqa: SIM115
    for line in shown:
        text = Text(line)
        for mark, colour in COLOURS.items():
            text.highlight_regex(rf"^\s*{mark}", colour)
        if line.startswith("$") or re.match(r"^[A-Z]{4}", line):
            text.stylize("bold")
        console.print(text)
    svg = console.export_svg(title="./inv deploy")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # nothing is fetched from elsewhere
    OUT.write_text(svg + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
