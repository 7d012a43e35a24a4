"""The sandbox as a process: who holds it, what it leaves behind, and what it remembers."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from pipeline.sandbox import launch, postmaster, server
from tests.processes import LONGEST, running, slowness

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[2]
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
HOLD = (
    "import sys, time; from pathlib import Path; from pipeline.sandbox.launch import attach\n"
    "with attach(Path(sys.argv[1])) as d: print(d['pid'], flush=True); time.sleep(3600)"
)


@pytest.fixture
def home(tmp_path, cluster):
    folder = tmp_path / "home"
    yield folder
    launch.reset(folder)


def get(url: str, token: str = "") -> dict:
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=LONGEST) as answer:
        return json.load(answer)


def post(url: str, token: str, body: dict) -> dict:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=LONGEST
    ) as answer:
        return json.load(answer)


def of(home: Path) -> list[str]:
    """Command lines of everything that runs for ``home``: the server, the watchdog and Postgres."""
    places = (str(home), str(postmaster.scratch(home)))
    ours = [one for one in running() if one.state != "Z" and any(place in one.command for place in places)]
    return [one.command for one in ours if sys.argv[0] not in one.command and "-c import" not in one.command]


def wait_until_gone(home: Path, seconds: float = LONGEST) -> None:
    until = time.monotonic() + seconds
    while of(home) and time.monotonic() < until:
        time.sleep(0.05)
    assert of(home) == []


def test_it_starts_serves_stops_and_remembers(home):
    with launch.attach(home) as first:
        assert get(first["urls"]["production"] + "/api/health/db")["status"] == "ok"
        assert (home / "running.json").stat().st_mode & 0o777 == 0o600
        post(first["urls"]["control"] + "/commits", first["tokens"]["control"], {"sha": "a" * 40, "message": "mine"})
    began = time.monotonic()
    with launch.locked(home, LONGEST):
        assert time.monotonic() - began < 1 * slowness()
    assert not (home / "running.json").exists()
    wait_until_gone(home)
    began = time.monotonic()
    with launch.attach(home) as second:
        assert time.monotonic() - began < 3 * slowness()
        same = ("urls", "tokens", "student", "vercel")
        assert {name: first[name] for name in same} == {name: second[name] for name in same}
        branch = get(second["urls"]["github"] + "/repos/acme/lms/branches/main", second["tokens"]["github"])
        assert branch["commit"]["sha"] == "a" * 40
        with pytest.raises(urllib.error.HTTPError, match="401"):
            get(second["urls"]["github"] + "/repos/acme/lms")


def test_its_ports_are_none_that_the_system_gives_to_outgoing_connections(tmp_path):
    """CI, 2026-11-28: while the sandbox was down somebody's connection took one, and an address changed."""
    lowest = 32768 if not RANGE.exists() else int(RANGE.read_text().split()[0])
    listeners = server.bind(tmp_path)
    ports = [listener.getsockname()[1] for listener in listeners]
    assert max(ports) < lowest
    other = tmp_path / "other"
    other.mkdir()
    in_the_way = server.bind(other)  # wants a block, too: never one that is taken
    assert not {listener.getsockname()[1] for listener in in_the_way} & set(ports)
    for listener in listeners + in_the_way:
        listener.close()
    again = server.bind(tmp_path)
    assert [listener.getsockname()[1] for listener in again] == ports
    for listener in again:
        listener.close()


def test_two_who_start_at_once_share_one(home):
    pids, together = [], threading.Barrier(2)

    def hold() -> None:
        with launch.attach(home) as found:
            pids.append(found["pid"])
            together.wait(LONGEST)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST)
    assert len(pids) == 2
    assert len(set(pids)) == 1
    wait_until_gone(home)


def test_looking_neither_holds_it_nor_stops_it(home):
    with launch.attach(home) as found:
        for _ in range(3):
            seen = launch.running(home)
            assert seen is not None
            assert seen["pid"] == found["pid"]
        time.sleep(0.3)
        assert get(found["urls"]["control"] + "/health") == {"status": "ok"}
    wait_until_gone(home)
    assert launch.running(home) is None


def holder(home: Path) -> "tuple[subprocess.Popen[str], int]":
    command = [sys.executable, "-c", HOLD, str(home)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert child.stdout is not None
    return child, int(child.stdout.readline())


def test_it_stops_when_its_holder_is_killed(home):
    child, _ = holder(home)
    child.kill()
    child.communicate()
    wait_until_gone(home)


def test_it_outlives_a_ctrl_c_that_its_holder_survives(home):
    with launch.attach(home) as found:
        assert os.getsid(found["pid"]) == found["pid"]


def test_a_killed_server_leaves_no_postgres_and_the_next_one_starts(home):
    with launch.attach(home) as found:
        os.kill(found["pid"], signal.SIGKILL)
        wait_until_gone(home)
        assert launch.running(home) is None
    with launch.attach(home) as again:
        assert again["pid"] != found["pid"]
        assert again["student"] == found["student"]
        assert get(again["urls"]["production"] + "/api/health/db")["status"] == "ok"


def test_sigterm_stops_it_and_reset_forgets_everything(home):
    with launch.attach(home) as found:
        os.kill(found["pid"], signal.SIGTERM)
        wait_until_gone(home)
    launch.reset(home)
    assert not home.exists()
    assert not postmaster.scratch(home).exists()


def test_a_cut_connection_is_really_cut(home):
    with launch.attach(home) as found:
        post(found["urls"]["control"] + "/faults", found["tokens"]["control"], {"fault": "vercel-status cut"})
        with pytest.raises(http.client.IncompleteRead):
            get(found["urls"]["vercel-status"] + "/api/v2/summary.json")
        assert get(found["urls"]["control"] + "/health") == {"status": "ok"}


def test_what_hangs_does_not_keep_it_from_stopping(home):
    with launch.attach(home) as found:
        post(found["urls"]["control"] + "/faults", found["tokens"]["control"], {"fault": "neon-status never-finishes"})
        url = found["urls"]["neon-status"] + "/api/v1/summary"
        hanging = subprocess.Popen(
            [sys.executable, "-c", f"import urllib.request as u; u.urlopen('{url}')"], stderr=subprocess.DEVNULL
        )
        time.sleep(0.3)
    began = time.monotonic()
    with launch.locked(home, LONGEST):
        assert time.monotonic() - began < 1.5 * slowness()
    hanging.wait(LONGEST)


def test_why_it_does_not_start_is_said(home, monkeypatch):
    home.mkdir()
    (home / "state.json").write_text("this is not JSON")
    with pytest.raises(launch.SandboxError, match="JSONDecodeError"), launch.attach(home):
        pass
