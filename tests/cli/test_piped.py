"""Whoever reads only the beginning of what is printed leaves no traceback behind."""

import os
import subprocess
import sys

import pytest

from tests.stage import ROOT


@pytest.mark.parametrize(
    "words", [("deploy", "--help"), ("--list",), ("help", "deploy"), ("check.site.answers", "--help")]
)
def test_a_reader_that_has_gone_away_is_no_bug(words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from pipeline.cli.direct import main; main()"
        command = [sys.executable, "-c", start, str(ROOT), *words]
        done = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writing)
    assert "Traceback" not in done.stderr, done.stderr
    assert "BrokenPipe" not in done.stderr
