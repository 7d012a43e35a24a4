"""Writes the site into a folder of its own."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.documents.outside import must_stay_inside
from pipeline.documents.site.build import build
from pipeline.errors import Mistake

MARK = ".runbooks-site"


def write_site(pages: Mapping[str, str], to: Path) -> list[str]:
    """Writes the site into a folder, and returns the paths. Raises Mistake for a folder that has something else in it."""
    if to.exists() and (not to.is_dir() or (any(to.iterdir()) and not (to / MARK).is_file())):
        raise Mistake(f"--site {to}: there is something else in it; name an empty folder")
    files = build(pages)
    must_stay_inside(to, {MARK: "", **files}, f"--site {to}")
    try:
        to.mkdir(parents=True, exist_ok=True)
        (to / MARK).write_text("made by ./inv runbooks --site\n", encoding="utf-8")
        for name, text in files.items():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (to / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Mistake(f"--site {to}: cannot be written: {error.strerror}") from error
    return [str(to / name) for name in sorted(files)]
