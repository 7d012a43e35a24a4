"""A command that waits for a person or for its own work is stopped at its longest time, as Ctrl-C would stop it."""

import subprocess
import sys
import time

import pytest

from pipeline.session import limits
from pipeline.session.limits import HOUR, limit_of, limited
from tests.stage import ROOT

BEGIN = """
import sys
from pipeline.session import limits
limits.LIMITS["runbooks."] = (0.2, "")
sys.argv[1:] = {words}
from pipeline.cli.direct import main
main()
"""


def test_a_family_has_one_limit_and_a_command_of_no_family_its_own() -> None:
    assert limit_of("playbook.bad-release") == 12 * HOUR
    assert limit_of("runbooks") == limit_of("runbooks.todo") == HOUR
    assert limit_of("playbook") is limit_of("deploy") is limit_of("sandbox") is None


def test_what_is_over_in_time_is_not_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.LIMITS, "upgrade", (0.2, ""))
    said: list[str] = []
    with limited("upgrade", said.append):
        pass
    time.sleep(0.3)
    assert said == []


def test_what_takes_longer_is_interrupted_and_again_when_it_does_not_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.LIMITS, "upgrade", (0.2, ""))
    monkeypatch.setattr(limits, "GRACE", 0.2)
    said: list[str] = []
    heard = 0
    with limited("upgrade", said.append):
        for _ in range(2):
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                heard += 1
    assert heard == 2
    assert said[0].startswith("this command is stopped: it is not over after its longest time")


@pytest.mark.process
def test_a_command_is_stopped_with_the_exit_code_of_ctrl_c() -> None:
    begin = f"import sys; sys.path.insert(0, {str(ROOT)!r})" + BEGIN.format(words=["runbooks", "--check"])
    ended = subprocess.run([sys.executable, "-P", "-c", begin], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, "this command is stopped: it is not over" in ended.stderr) == (130, True), ended.stderr
    assert "Traceback" not in ended.stderr
