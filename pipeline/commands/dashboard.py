"""``invoke dashboard``: the record as pages, served to this machine, or exported as a folder of files."""

from collections.abc import Callable
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.commands.board import RecordBoard
from pipeline.config import Config
from pipeline.documents.outside import must_stay_inside
from pipeline.documents.writing import Sources
from pipeline.errors import Mistake
from pipeline.home import as_typed, command_here, command_in
from pipeline.redact import of_this_process
from pipeline.render.dashboard import A_PAGE, Paths
from pipeline.world.extras import must_have

MARK = ".dashboard"
EXPORTED = 200
"""Of the newest runs, so many have a page in an export."""
Out = Callable[[str], None]


def show_dashboard(config: Config, root: Path, port: int, sources: Callable[[], Sources], out: Out) -> None:
    """Serve the dashboard until Ctrl-C. Raises Mistake when the port cannot be had, or a package is missing."""
    must_have("report")
    from pipeline.commands.serving import LOOPBACK, application, bound, serve

    at = bound(port)
    board = RecordBoard(config, root, sources)
    try:
        board.warm()
        board.compute_aside()
        out(f"http://{LOOPBACK}:{at.getsockname()[1]}/   for this machine only, until Ctrl-C")
        serve(application(board, SystemClock(), command_here(root)), at)
    finally:
        at.close()
        board.close()


def export_dashboard(config: Config, root: Path, to: Path, sources: Callable[[], Sources]) -> list[str]:
    """Write the dashboard into a folder of its own; the paths. Raises Mistake for one that has something else in it."""
    if to.exists() and (not to.is_dir() or (any(to.iterdir()) and not (to / MARK).is_file())):
        raise Mistake(f"--export {to}: there is something else in it; name an empty folder")
    board = RecordBoard(config, root, sources)
    try:
        board.compute()
        files = exported(board)
    finally:
        board.close()
    must_stay_inside(to, {MARK: "", **files}, f"--export {to}")
    try:
        (to / "runs").mkdir(parents=True, exist_ok=True)
        typed = command_in(root)  # it is sent on: not with the path of this machine
        for name, text in {MARK: "made by ./inv dashboard --export\n", **files}.items():
            (to / name).write_text(as_typed(of_this_process()(text), typed), encoding="utf-8")
    except OSError as error:
        raise Mistake(f"--export {to}: cannot be written: {error.strerror}") from error
    return [str(to / name) for name in sorted(files)]


def exported(board: RecordBoard) -> dict[str, str]:
    """The files of an export, path → text: every page, and one for each of the newest runs."""
    kept = board.newest_runs(EXPORTED)
    paths, below = Paths(True, "", frozenset(kept)), Paths(True, "../", frozenset(kept))
    files = {
        paths.page("now"): board.now(paths),
        paths.page("delivery"): board.delivery(paths),
        paths.page("baselines"): board.baselines(paths),
        paths.page("readiness"): board.readiness(paths),
    }
    for number in range(1, max((board.count + A_PAGE - 1) // A_PAGE, 1) + 1):
        files[paths.page("runs", number)] = board.runs(paths, number)
    for run in kept:
        if text := board.run(below, run):
            files[paths.run(run)] = text
    return files
