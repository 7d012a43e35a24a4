"""Fixtures that several test modules share: a real Postgres, and a sandbox in this process on a clock we move."""

import fcntl
import os
import re
import shutil
import signal
import tempfile
import threading
import tracemalloc  # pytest's own hook imports it in whatever thread drops a connection, at the same time as another
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from pipeline import redact
from pipeline.sandbox.children import READY_MADE
from pipeline.sandbox.postgres import Postgres
from pipeline.signals import restored
from tests.stage import InProcess

assert tracemalloc
MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes: a whole session has two thirds of this at once, nearly all of it databases."""


def has_room(memory: Path) -> bool:
    """Whether files in memory may be executed there and are enough: in a container they are often neither."""
    try:
        about = os.statvfs(memory)
    except OSError:
        return False
    return (
        not about.f_flag & getattr(os, "ST_NOEXEC", 0)
        and about.f_bavail * about.f_frsize >= ROOM
        and os.access(memory, os.W_OK)
    )


# Thousands of small files that nobody needs afterwards, each journal written through: on a disk that is half the time.
if "TMPDIR" not in os.environ and has_room(MEMORY):
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None


# Whoever starts the suite in the background of a script, or by nohup, ignores signals for all of it; tests send them.
HEARD = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
for number, usual in HEARD.items() if threading.current_thread() is threading.main_thread() else ():
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


def shared(factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of this session have in common."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a stopped, seeded cluster, made once a session; every sandbox from here on begins with a copy."""
    home = shared(tmp_path_factory) / "cluster"
    with home.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "ready").exists():
            made = Postgres(home)
            made.start()
            made.stop()
            (home / "ready").touch()
    os.environ[READY_MADE] = str(home)
    return home


WANTED = (
    (r"\bact\b|zizmor|actionlint", "act, actionlint and zizmor (./inv test --wide)"),
    ("npm|Node.js|`node`|--wide", "Node.js and the npm packages (./inv test --wide)"),
    ("Chrom", "Chromium"),
    (r"\baws\b", "the aws command"),
    (r"\bbash\b", "bash"),
    (r"\bzsh\b", "zsh"),
    (r"\bfish\b", "fish"),
    (r"\bgit\b", "git"),
    ("ssh-keygen", "ssh-keygen"),
    (r"\bgh\b|\bjq\b|not installed: ", "gh, jq, psql and the other commands of the runbooks"),
    ("VENDOR_SPECS|API descriptions", "the vendors' API descriptions (VENDOR_SPECS)"),
    ("root may write", "an ordinary user"),
)
"""What the reason of a skipped test says, and what the machine lacks then; the first that fits."""


def did_not_run(reasons: Iterable[str]) -> str:
    """All of them in one line, by what is missing; empty when nothing is."""
    wanted = Counter(
        next((lacks for pattern, lacks in WANTED if re.search(pattern, reason)), reason) for reason in reasons
    )
    if not wanted:
        return ""
    parts = (f"{count} want {lacks}" for lacks, count in sorted(wanted.items(), key=lambda one: (-one[1], one[0])))
    return f"did not run: {wanted.total()} tests: {', '.join(parts)}"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("what this machine cannot run")
    group.addoption("--remember", metavar="FILE", help="write down which tests were skipped")
    group.addoption("--again", metavar="FILE", help="run only the tests that FILE remembers")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("again"):
        return
    wanted = set(Path(config.getoption("again")).read_text(encoding="utf-8").splitlines())
    left = [one for one in items if one.nodeid not in wanted]
    config.hook.pytest_deselected(items=left)
    items[:] = [one for one in items if one.nodeid in wanted]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in one line what did not run; on the controller, which hears of every worker's tests."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [one.longrepr[2] if isinstance(one.longrepr, tuple) else str(one.longrepr) for one in skipped]
    if says := did_not_run(one.removeprefix("Skipped: ") for one in reasons):
        terminalreporter.write_line(says)
    if config.getoption("remember"):
        names = "".join(f"{one.nodeid}\n" for one in skipped)
        Path(config.getoption("remember")).write_text(names, encoding="utf-8")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """As root a cluster's files lie beside the session's folder, so they do not go with it; and that goes next."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory is None or hasattr(session.config, "workerinput") or factory._basetemp is None:
        return
    home = factory.getbasetemp() / "cluster"
    if home.exists():
        os.environ.pop(READY_MADE, None)
        Postgres(home).destroy()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(autouse=True)
def _secrets_of_this_test() -> Iterator[None]:
    """Forget the secrets of the sandboxes before: each text that leaves is searched for all that the process knows."""
    known = frozenset(redact._learned)
    yield
    if redact._learned != known:
        redact._learned.intersection_update(known)
        redact._of_all.cache_clear()  # it goes by their number


@pytest.fixture(autouse=True)
def _signals_of_this_test() -> Iterator[None]:
    """Whoever moved production in this process ignores Ctrl-C from then on, and so would all that it starts."""
    with restored():
        yield


@pytest.fixture(scope="session")
def postgres(cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One real Postgres for the whole session; each test gets databases of its own."""
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.destroy()


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """A database as production's is before the first deploy: migrated twice, with a little content."""
    name = f"t{uuid.uuid4().hex[:12]}"
    yield postgres.fresh_database(name)
    postgres.drop(name)


@pytest.fixture
def empty_database_url(database_url: str) -> str:
    """A database for tables of our own."""
    return database_url


@pytest.fixture
def inside(tmp_path: Path, database_url: str) -> Iterator[InProcess]:
    """The sandbox in this process, at rest, and everything to deploy to it."""
    made = InProcess(tmp_path, database_url)
    yield made
    made.close()
