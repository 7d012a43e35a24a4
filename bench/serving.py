"""Two Next.js apps, ``tests/nextapp`` and ``bench/pagesapp``, in the sandbox and, of the same build, by ``next start``:
which of the same requests are answered alike (``docs/serving.md``, with ``--write``); of the first app also how long a
deploy takes, requests a second, memory.

Run: .venv/bin/python -m bench.serving [seconds] [--write] [--built FOLDER]   (needs node and npm; `./inv test --wide`)
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.sandbox import launch
from tests.vendors import agreement, nextapp
from tests.vendors.world import World, served_world

ROOT = Path(__file__).resolve().parent.parent
PATHS = {
    "a Node function": "/api/show/item/7",
    "a page that is kept": "/show/still",
    "a static file": "/favicon.svg",
    "one behind the proxy": "/app.css",
}
WANTED = {"a Node function": 0.5, "a static file": 1.0}
"""Requests a second, divided by those of ``next start``."""
UNASKED = 20
"""Seconds in which nobody asks either, a little longer than the sandbox keeps all processes."""
LOAD = """
const http = require("node:http")
const [address, seconds, width] = [process.argv[1], Number(process.argv[2]), 8]
const agent = new http.Agent({ keepAlive: true, maxSockets: width })
const end = Date.now() + seconds * 1000
let count = 0
const next = () => Date.now() < end && http.get(address, { agent }, (answer) => {
  if (answer.statusCode !== 200) throw new Error(`${address}: ${answer.statusCode}`)
  answer.resume().on("end", () => { count++; next() })
})
for (let at = 0; at < width; at++) next()
process.on("exit", () => console.log(count / seconds))
"""


def main(seconds: float = 5, write: bool = False, built: str = "") -> None:
    with tempfile.TemporaryDirectory() as folder, served_world() as world:
        app = Path(built) if built else Path(folder) / "lms"
        if not built:
            nextapp.build(app)
        pages = the_other_app(world, Path(folder) / "pages")
        address = deployed(world, app, Path(folder) / "release")
        said = launch.running(world.home / "home")
        assert said
        variables = {"DATABASE_URL": said["database_url"], "NEXTAUTH_URL": world.urls["production"]}
        with nextapp.next_start(app, Path(folder) / "plain", variables) as plain:
            found = agreement.compared(plain, address)
            shown(found)
            weighed("just after each function was asked", int(said["pid"]), started(plain))
            time.sleep(UNASKED)
            weighed(f"{UNASKED} s later", int(said["pid"]), started(plain), wanted=" (wanted: 1.5)")
            if write:
                agreement.PAGE.write_text(agreement.page(found) + agreement.page(pages, agreement.PAGES_APP))
            home = Path(folder) / "own"
            home.mkdir()
            took = a_deploy(app, home, "/api/show/item/7")
            print(f"  a deploy of it without the watch: {took:.1f} s (wanted: 6)")
            for what, path in PATHS.items():
                rates = {"sandbox": 0.0, "next start": 0.0}
                for _ in range(3):
                    for name, base in (("sandbox", address), ("next start", plain)):
                        rates[name] = max(rates[name], rate(base + path, seconds / 3))
                ours, theirs = rates["sandbox"], rates["next start"]
                wanted = f" (wanted: {WANTED[what]:g})" if what in WANTED else ""
                print(f"  {what}: {ours:.0f} ÷ {theirs:.0f} a second = {ours / theirs:.2f}{wanted}")
            weighed("after that load", int(said["pid"]), started(plain), wanted=" (wanted: 1.5)")


def weighed(when: str, sandbox: int, plain: int, wanted: str = "") -> None:
    ours, theirs = memory(sandbox) / 1e6, memory(plain) / 1e6
    print(f"  memory {when}, without Postgres: {ours:.0f} MB ÷ {theirs:.0f} MB = {ours / theirs:.2f}{wanted}")


def the_other_app(world: World, folder: Path) -> dict[str, list[str]]:
    """What of the requests of ``bench/pagesapp`` is answered in another way; it is not built anywhere else."""
    shutil.copytree(ROOT / "bench" / "pagesapp", folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=folder, check=True)
    nextapp.vercel_build(folder)
    address = deployed(world, folder, folder.with_name("pages-release"))
    with nextapp.next_start(folder, folder.with_name("pages-plain"), {}) as plain:
        build = (folder / ".next" / "BUILD_ID").read_text().strip()
        found = agreement.compared(plain, address, agreement.PAGES_APP, build)
    shown(found)
    return found


def shown(found: dict[str, list[str]]) -> None:
    agreed = sum(not parts for parts in found.values())
    print(f"  {agreed} of {len(found)} requests alike: {100 * agreed / len(found):.1f} % (wanted: 95)")


def deployed(world: World, app: Path, into: Path) -> str:
    with nextapp.release(app, into, world.project, world.team) as folder:
        began = time.perf_counter()
        ran = world.run("deploy", "--prebuilt", "--prod", "--skip-domain", "--yes", folder=folder)
        print(f"  uploaded in {time.perf_counter() - began:.1f} s")
    assert ran.code == 0, ran.err
    address = ran.out.replace("https:", "http:")
    world.until(lambda: world.web.get(address).status_code == 200)
    return address


HOME = """\
source: {repository: acme/lms, branch: main}
app: web
review: {required: 0}
approval: {required: 0}
ci: {ignore: [{name: Vercel – marketing, reason: of another project}]}
environment: {required: [{name: DATABASE_URL, shape: postgres}]}
health: {path: HEALTH}
smoke: {routes: [{path: HEALTH}]}
target: mine
targets: {mine: {kind: sandbox, own: true, pace: {watch: {during: 0, patience: 1, every: 0.1}},
  override: {vitals: {lab: false}}}}
"""


def a_deploy(built: Path, home: Path, health: str = "/api/health/db") -> float:
    """Seconds of one `deploy` of ``built`` as one's own app, its process included, once the sandbox is up."""
    shutil.copytree(built, home / "web", copy_function=nextapp.linked, symlinks=True)
    (home / "deploy.yml").write_text(HOME.replace("HEALTH", health))
    (home / "web" / ".env.example").write_text("DATABASE_URL=\nNEXTAUTH_SECRET=\n")
    hidden = ("VERCEL_", "GITHUB_", "SENTRY_", "DEPLOY_", "PYTHON")
    env = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}

    def deploy(commit: str) -> float:
        began = time.perf_counter()
        words = [str(ROOT / "inv"), "--home", str(home), "deploy", "--commit", commit * 40]
        done = subprocess.run(words, cwd=home, env=env, capture_output=True, text=True, check=False)
        if "DEPLOYED" not in done.stdout:
            raise SystemExit(f"{done.stdout}\n{done.stderr}")
        return time.perf_counter() - began

    try:
        deploy("a")  # the sandbox starts, and the migrations are applied
        with launch.attach(home / ".sandbox" / "own"):
            return min(deploy(commit) for commit in "bcd")
    finally:
        launch.reset(home / ".sandbox" / "own")


def rate(address: str, seconds: float) -> float:
    """Requests a second over eight connections that are kept."""
    done = subprocess.run(["node", "-e", LOAD, address, str(seconds)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def started(address: str) -> int:
    """The process of ours that listens there: ``next start``, which calls itself so."""
    names = ((pid, Path(f"/proc/{pid}/cmdline").read_text()) for pid in family(os.getpid()))
    found = [pid for pid, name in names if name.startswith("next-server")]
    if len(found) != 1:
        raise SystemExit(f"{address}: which process is that of `next start`? {found}")
    return found[0]


def memory(pid: int) -> int:
    """Bytes of a process and of what it started, shared pages shared out (PSS); Postgres does not count."""
    total = 0
    for one in family(pid):
        try:
            if "postgres" not in Path(f"/proc/{one}/cmdline").read_text():
                rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
                total += 1024 * int(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")))
        except OSError:
            continue
    return total


def family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


if __name__ == "__main__":
    words = sys.argv[1:]
    folder = words.pop(words.index("--built") + 1) if "--built" in words else ""
    numbers = [float(word) for word in words if not word.startswith("--")]
    main(numbers[0] if numbers else 5, write="--write" in words, built=folder)
