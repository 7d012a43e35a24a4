"""The first hour of an app, and of somebody on a machine that has nothing of this tool: installing counts.

Run: .venv/bin/python -m bench.adoption [WHEEL]      (builds a wheel without one; needs git, and an index of packages)

Packages come from pip's cache when they are in it: run it twice, and believe the second time.
"""

import contextlib
import http.server
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.common import HIDDEN, ROOT, medians, timed

APP = "source: {repository: shop/web}\ntargets: {sandbox: {kind: sandbox, override: {vitals: {lab: false}}}}\n"
OURS, BEFORE = "deploy-runbook", "the checkout's copy"
PYTHON = Path(sys.base_prefix) / "bin/python3"  # with a pip of its own, as the machine of a person has it
WANTED = {"first": 0.5, "emergency": 0.25, "list": 8.0}


def run(words: Sequence[str | Path], folder: Path, env: dict[str, str]) -> str:
    """What a command prints; nobody answers it. Raises when it fails: that is no measurement."""
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{words}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def environment() -> dict[str, str]:
    """This process' own without what would lead a command to another target."""
    return {name: value for name, value in os.environ.items() if not name.startswith((*HIDDEN, "PYTHON", "PIP_REQ"))}


def prepared(folder: Path) -> Path:
    """An app's repository with a ``deploy.yml``."""
    folder.mkdir()
    (folder / "deploy.yml").write_text(APP, encoding="utf-8")
    (folder / ".gitignore").write_text(".runs/\n.sandbox/\n", encoding="utf-8")
    who = ["-c", "user.name=Dana", "-c", "user.email=dana@example.com"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "an app"]):
        run(["git", *words], folder, environment())
    return folder


def copied(into: Path) -> None:
    """What a team copied into its repository before: all that git has of the checkout, but not over its own files."""
    for name in run(["git", "ls-files"], ROOT, environment()).splitlines():
        target = into / name
        if (ROOT / name).is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)


def first_hour(folder: Path, wheel: Path) -> None:
    """From ``git clone`` to the first DEPLOYED, tool not yet installed, both ways in turn."""
    app, took, spent = prepared(folder / "app"), dict[str, float](), dict[str, float]()
    venv = folder / "venv"
    ways: dict[str, list[list[str | Path]]] = {
        OURS: [
            ["git", "clone", "-q", app, folder / "new"],
            # pipx and `uv tool install` do these two in one
            [PYTHON, "-c", _INSTALL, venv, f"{wheel}[sandbox]"],
            [venv / "bin/deploy-runbook", "deploy"],
        ],
        BEFORE: [["git", "clone", "-q", app, folder / "old"], [folder / "old/inv", "deploy"]],
    }
    for name, commands in ways.items():
        home = folder / ("new" if name == OURS else "old")
        began, before = time.perf_counter(), _processor()
        for number, words in enumerate(commands):
            if name == BEFORE and number == 1:
                copied(home)
            said = run(words, home if number == len(commands) - 1 else folder, environment())
        took[name], spent[name] = time.perf_counter() - began, _processor() - before
        if "DEPLOYED" not in said:
            raise SystemExit(said[-2000:])
        run([commands[-1][0], "sandbox", "--reset"], home, environment())
        shown = f"{took[name]:6.1f} s (processor {spent[name]:.1f} s)"
        print(f"  {name:<24} {shown}, {len(commands) + (name == BEFORE)} commands, 0 questions")
    _ratio("first", took[OURS], took[BEFORE])
    _ratio("first", spent[OURS], spent[BEFORE])  # says more than the clock on a machine that others use


_INSTALL = """\
import subprocess, sys, venv
folder, what = sys.argv[1:]
venv.create(folder)
pip = [sys.executable, "-m", "pip", "--python", f"{folder}/bin/python", "install", "-q", "--disable-pip-version-check"]
sys.exit(subprocess.run([*pip, what]).returncode)
"""


@contextlib.contextmanager
def listening() -> Iterator[tuple[str, list[float]]]:
    """The address of a Vercel that refuses everything, and when it was first asked."""
    asked: list[float] = []

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(time.perf_counter())
            self.send_error(403)

        do_POST = do_GET

        def log_message(self, format: str, *words: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def emergency(folder: Path) -> None:
    """From the command to Vercel's first request on a machine that has a checkout and nothing else."""
    took = dict[str, float]()
    for name in ("what a rollback needs", "all packages, as before"):
        checkout = folder / name.partition(" ")[0]
        checkout.mkdir()
        copied(checkout)
        with listening() as (address, asked):
            words: list[str | Path] = [
                checkout / "inv",
                "rollback",
                "--project",
                "prj",
                "--team",
                "team_x",
                "--api",
                address,
            ]
            began = time.perf_counter()
            if name.startswith("all"):
                run([checkout / "inv", "--list"], checkout, environment())
            subprocess.run(words, cwd=checkout, env={**environment(), "VERCEL_TOKEN": "t0ken"}, capture_output=True)
            took[name] = asked[0] - began
            print(f"  {name:<24} {took[name]:6.1f} s")
    _ratio("emergency", *took.values())


def size(folder: Path, wheel: Path) -> Path:
    """Installs the core alone, and says how large it is; the folder of its commands."""
    venv = folder / "core"
    run([PYTHON, "-c", _INSTALL, venv, wheel], folder, environment())
    (packages,) = venv.glob("lib/python*/site-packages")
    files = [path for path in packages.rglob("*") if path.is_file() and not path.is_symlink()]
    count = len(list(packages.glob("*.dist-info")))
    print(f"  core: {sum(path.stat().st_size for path in files) / 1e6:.1f} MB, {count} packages (at most 60 MB)")
    return venv / "bin"


def listed(commands: Path, folder: Path, times: int = 9) -> None:
    (folder / "deploy.yml").write_text(APP, encoding="utf-8")
    words, bare = (
        [str(commands / "deploy-runbook"), "--list", "--home", str(folder)],
        [str(commands / "python"), "-c", ""],
    )
    timed(words)  # bytecode
    found = medians(times, {"--list": lambda: timed(words), "python -c pass": lambda: timed(bare)})
    _ratio("list", *found.values())


def _processor() -> float:
    """Seconds of the processor that all processes started from here have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ratio(what: str, ours: float, before: float) -> None:
    print(f"  ratio {ours / before:.2f} (wanted: at most {WANTED[what]:g})")


def main(given: str = "") -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not given:
            run([PYTHON, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT], folder, environment())
        wheel = Path(given).absolute() if given else next(folder.glob("*.whl"))
        print("installed")
        commands = size(folder, wheel)
        print("--list, cold")
        listed(commands, folder)
        print("an emergency on a fresh machine, to Vercel's first request")
        emergency(folder)
        print("from a clone to the first DEPLOYED")
        first_hour(folder, wheel)


if __name__ == "__main__":
    main(*sys.argv[1:])
