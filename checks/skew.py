"""Asks whether pages that are open in browsers go on working when a release takes the place of the one they came from."""

from dataclasses import replace

from checks.evidence import OpenPages
from checks.gate import Findings, block, gate

SHOWN = 3


@gate(owner="developer")
def open_pages_go_on(seen: OpenPages) -> Findings:
    """The scripts, styles and server actions of pages that are open now are there in the staged deployment, too.

    Why: Who has a page open goes on with it after the promotion. What it loads later has the old build's name, and what it
        sends names the old build's server action; the new release answers 404 to both, and the page breaks.

    By hand: Open `$PRODUCTION` in a browser and view its source. Open every script and style that it names at `$STAGED`
        instead: none may be 404. Look for `ACTION_ID_` in both sources.

    If it fails: It stops nothing: most pages load anew. Switch on Skew Protection (Vercel → Settings → Advanced), and the
        old pages are served by the old deployment; for server actions set `NEXT_SERVER_ACTIONS_ENCRYPTION_KEY` in the
        build, so that their ids stay. Or keep the old files in `public/` for a release.
    """
    if seen.pinned:
        return
    if seen.gone:
        yield block(
            f"{len(seen.gone)} of {seen.files} files of pages that are open now",
            f"{'is' if len(seen.gone) == 1 else 'are'} not in this release: {_some(seen.gone)}",
            fix="Vercel → Settings → Advanced → Skew Protection",
        )
    if seen.lost:
        yield block(
            f"{len(seen.lost)} of {seen.actions} server actions of pages that are open now",
            f"{'is' if len(seen.lost) == 1 else 'are'} unknown to this release: {_some(seen.lost)}",
            fix="set NEXT_SERVER_ACTIONS_ENCRYPTION_KEY in the build, or switch on Skew Protection",
        )


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


open_pages_go_on.stops_when(
    "a script has another name than before", lambda s: (replace(s, gone=("/_next/static/chunks/a.js",)),)
)
open_pages_go_on.stops_when("a server action has another id", lambda s: (replace(s, actions=1, lost=("40ab",)),))
