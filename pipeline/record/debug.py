"""A bug of ours: one sentence for the person, and the traceback for whoever mends it."""

import datetime
import os
import secrets
import traceback
from pathlib import Path

from pipeline.errors import Mistake
from pipeline.record.private import RUNS, private_folder
from pipeline.redact import Redactor, inert, of_this_process


def explained(bug: BaseException, root: Path) -> str:
    """Say in a line what it is, and in which file under ``root`` its traceback is; both without secrets."""
    redactor = of_this_process()
    says = " ".join(redactor(f"{type(bug).__name__}: {bug}").split())
    path = root / RUNS / f"debug-{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}.txt"
    try:
        _write(path, bug, redactor)
    except (OSError, Mistake) as error:
        return f"a bug in this tool: {says}; its traceback could not be written: {error}"
    return f"a bug in this tool: {says}; its traceback is in {path}"


def _write(path: Path, bug: BaseException, redactor: Redactor) -> None:
    private_folder(path.parent)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(inert(redactor("".join(traceback.format_exception(bug)))))
