"""The terminal: what is printed, and how a command ends. Loads nothing that a command may not need."""

import contextlib
import json
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pipeline.cli.output import folded_for, steadfast
from pipeline.cli.summary import fenced, on_github, to_outputs, to_summary
from pipeline.environment import NODE, OUTSIDE, for_child, variable
from pipeline.home import FILE, TOOL, as_typed, command_here, this_home
from pipeline.redact import leaving, of_this_process

if TYPE_CHECKING:
    from types import TracebackType

    from pipeline.config import Config
    from pipeline.record.journal import Listener
    from pipeline.record.report import Report
    from pipeline.redact import Redactor

ROOT = this_home(sys.argv[1:])
"""The home of this command: where ``deploy.yml``, ``.env``, the record, the sandbox and the runbooks are."""
DEPLOY_FILE = Path(variable("DEPLOY_FILE") or ROOT / FILE)
TYPED = command_here(ROOT)
"""How a command begins for whoever runs this."""
MISTAKE = 2
REFUSED, FAILED = "Refused: nothing was touched", "Failed"
LONGEST_INSTALL = 1200.0  # seconds for npm


@contextlib.contextmanager
def honest() -> Iterator[None]:
    """Turn what we raise on purpose, and bugs, into one clear message and the right exit code.

    Neither output that nobody can read nor a signal that comes late changes that.
    """
    with steadfast():
        try:
            with _said():
                yield
        finally:
            late = sys.modules.get("pipeline.signals")  # only a command that moves production has loaded it
            if late:
                late.ignore_the_late()


@contextlib.contextmanager
def _said() -> Iterator[None]:
    from pipeline.errors import Broken, Locked, Mistake, PipelineError

    try:
        yield
    except Mistake as error:
        fail(str(error), MISTAKE)
    except Locked as error:
        fail(str(error), getattr(error, "code", 1))
    except Broken as error:
        fail(str(error), error.code)
    except PipelineError as error:
        fail(str(error), 1)
    except ModuleNotFoundError as error:
        from pipeline.record.debug import explained
        from pipeline.world.extras import extra_of, said_missing

        extra = extra_of(error.name or "")
        if extra:
            fail(said_missing(extra, error.name or ""), MISTAKE)
        fail(explained(error, ROOT), 1)
    except Exception as bug:
        from pipeline.cli.output import unusable
        from pipeline.record.debug import explained

        fail(*((said, MISTAKE) if (said := unusable(bug)) else (explained(bug, ROOT), 1)))
    except KeyboardInterrupt:
        fail("interrupted before anything was touched", 130)


def fail(message: str, code: int) -> NoReturn:
    """Say on stderr why the command fails, and leave with ``code``."""
    message = leaving(message)
    for line in message.split("\n"):
        aside(f"error: {line}".rstrip())
    if on_github():  # whoever opens the job's page reads it there
        from pipeline.render.annotation import annotated

        command(annotated(message), sys.stderr)
        to_summary(fenced(REFUSED if code == MISTAKE else FAILED, typed_here(message)))
    raise SystemExit(code)


def unforeseen(kind: type[BaseException], bug: BaseException, trace: "TracebackType | None") -> None:
    """Print the traceback of what nobody caught, as it may leave the process."""
    import traceback

    aside("".join(traceback.format_exception(kind, bug, trace)).rstrip())


def configuration() -> "Config":
    """Read ``deploy.yml``. Raises Mistake that lists everything wrong in it, or says where none was found."""
    from pipeline.config import load
    from pipeline.errors import Mistake

    if not ROOT.is_dir():
        raise Mistake(f"--home {ROOT}: there is no such folder")
    if not DEPLOY_FILE.exists():
        raise Mistake(
            f"{FILE}: is in neither {ROOT} nor a folder above; go to its folder, or say --home DIR; "
            "./inv init   writes the first one for an app"
        )
    return load(DEPLOY_FILE)


def out(text: str) -> None:
    """Print a part of the report on stdout, at once."""
    _say(text, sys.stdout)


def _say(text: str, stream: Any) -> None:
    """Print, at once: without secrets, with others' words as mere words, and as wide as a terminal is."""
    print(leaving(folded_for(stream, leaving(typed_here(text)))), file=stream, flush=True)


def typed_here(text: str) -> str:
    """``text`` with every command of ours as whoever stands here types it."""
    return as_typed(text, TYPED)


def command(text: str, stream: Any = None) -> None:
    """Print workflow commands of ours, which the runner of a job obeys; nobody else can make one on our output."""
    print(of_this_process()(typed_here(text)), file=stream, flush=True)


def aside(text: str) -> None:
    """Print a remark beside the report, on stderr."""
    _say(text, sys.stderr)


@contextlib.contextmanager
def mute() -> Iterator[None]:
    """Let what a process of others prints meanwhile, e.g. the app's own build, be no command to the runner of a job."""
    word = secrets.token_hex(16)
    if on_github():
        command(f"::stop-commands::{word}")
    try:
        yield
    finally:
        if on_github():
            command(f"::{word}::")


class Terminal:
    """Somebody who sits here; without a terminal, the lines of standard input."""

    auto = False

    def say(self, text: str) -> None:
        out(text)

    def agrees(self, question: str, default: bool) -> bool:
        """Ask a yes-or-no question until the answer is understood."""
        while True:
            answer = self.writes(f"{question} [{'Y/n' if default else 'y/N'}]").lower()
            if not answer:
                return default
            if answer[0] in "yn":
                return answer[0] == "y"
            out("  y or n")

    def writes(self, question: str) -> str:
        print(leaving(typed_here(f"{question} ")), end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            fail("nobody answers any more; the same command goes on where this stopped, --auto asks nothing", 1)
        return line.strip()


def typed(question: str) -> str:
    """What somebody who sits at a terminal types; empty when nobody does."""
    return Terminal().writes(question) if sys.stdin.isatty() else ""


def somebody() -> Callable[[str], str] | None:
    """Who sits here and can be asked; None when nobody does, as in a job of CI."""
    return Terminal().writes if sys.stdin.isatty() and sys.stdout.isatty() else None


def as_json(value: Any) -> str:
    """``value`` as one JSON document."""
    return json.dumps(value, ensure_ascii=False)


@contextlib.contextmanager
def reporting(as_json: bool) -> Iterator["Callable[[Redactor, str], Listener]"]:
    """Show the run while it happens: live on a terminal, plain lines elsewhere; on stderr when stdout is the report."""
    from pipeline.cli.progress import shown

    stream = sys.stderr if as_json else sys.stdout
    with contextlib.ExitStack() as stack:

        def show(redactor: "Redactor", run: str) -> "Listener":
            def write(line: str) -> None:
                _say(redactor(line), stream)

            groups = on_github()  # whose log is no terminal, whatever a runner says of it
            screen = stream if stream.isatty() and variable("TERM") != "dumb" and not groups else None
            return stack.enter_context(shown(run, write, screen=screen, groups=groups, typed=typed_here))

        yield show


@contextlib.contextmanager
def quietly() -> Iterator["Callable[[Redactor, str], Listener]"]:
    """Show nothing of a run while it happens: only how it ended is said, and what a person has to do."""
    yield lambda redactor, run: lambda event: None


def conclude(report: "Report", config: "Config", *, as_json: bool, fine: bool = False) -> None:
    """Print how it ended, for people, for programs and for GitHub; leave with its exit code, printed or not."""
    from pipeline.record.debug import explained

    try:
        _print_end(report, config, as_json=as_json, fine=fine)
    except Exception as bug:
        aside(f"error: {explained(bug, ROOT)}")
    code = report.exit_code
    if code and not fine:
        raise SystemExit(code)


def _print_end(report: "Report", config: "Config", *, as_json: bool, fine: bool) -> None:
    from pipeline.commands.places import places_of
    from pipeline.record.journal import plain
    from pipeline.render.report import annotations, outputs, summary_markdown, summary_text

    if as_json:
        out(json.dumps(plain(report), ensure_ascii=False))
    elif report.outcome or not report.stages or report.stages[-1].state == "stopped":
        out(summary_text(report))
    to_outputs(outputs(report))
    if on_github() and report.outcome and not fine:
        command(annotations(report), sys.stderr if as_json else sys.stdout)
        to_summary(typed_here(summary_markdown(report, places_of(config, report.target, ROOT))))


def install_npm_packages() -> None:
    """Install from npm the Vercel CLI and what the lock file of each folder of the tests, and of the sandbox, asks for.

    Not ``npm ci``: that refuses a lock in which packages for other platforms are missing.
    """
    from pipeline.commands.build import install_tools

    install_tools(out)
    for lock in sorted([*TOOL.glob("tests/*/package-lock.json"), *TOOL.glob("pipeline/sandbox/*/package-lock.json")]):
        stamp = lock.parent / "node_modules" / ".installed.json"
        if stamp.is_file() and stamp.read_bytes() == lock.read_bytes():
            continue
        out(f"$ npm install   ({lock.parent.relative_to(TOOL)})")
        from pipeline.clients.command import run_here

        npm = shutil.which("npm")
        if npm is None:
            fail("test --wide: needs node and npm; install Node 20 or newer", MISTAKE)
        words = [npm, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        code = run_here(words, lock.parent, LONGEST_INSTALL, for_child(*OUTSIDE, *NODE))
        if code:
            raise SystemExit(code)
        stamp.write_bytes(lock.read_bytes())


def install_runner() -> None:
    """Install the runner of workflows and their linters that the tests drive, by their lock, into ``.venv-runner``."""
    from pipeline.clients.command import run_here

    lock, home = TOOL / "tests" / "workflows" / "requirements.lock", TOOL / ".venv-runner"
    stamp = home / "installed.lock"
    if stamp.is_file() and stamp.read_bytes() == lock.read_bytes():
        return
    out(f"$ pip install   ({lock.relative_to(TOOL)})")
    pip = [
        str(home / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--require-hashes",
    ]
    for words in ([sys.executable, "-m", "venv", "--clear", str(home)], [*pip, "-r", str(lock)]):
        if run_here(words, TOOL, LONGEST_INSTALL, for_child(*OUTSIDE, "PIP_INDEX_URL", "PIP_CERT")):
            aside(
                "not installed: act, actionlint and zizmor; the tests that want one of them say that they did not run"
            )
            return
    stamp.write_bytes(lock.read_bytes())
