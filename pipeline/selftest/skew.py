"""How the gates of ``checks.skew`` are made to stop."""

from pathlib import Path

from checks import skew
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import ship, shipping
from pipeline.selftest.lab import Lab


def _without_the_style(lab: Lab) -> None:
    release = ship(lab)
    (Path(release.folder) / ".vercel/output/static/app.css").unlink()


BREAKAGES = (
    Breakage(
        skew.open_pages_go_on,
        "release",
        "the release has no app.css, which every open page names",
        _without_the_style,
        "keep the old files in `public/` for a release",
        shipping(),
        run="deploy",
    ),
)
