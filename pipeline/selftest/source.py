"""How the gates of ``checks.source`` are made to stop."""

from dataclasses import replace

from checks import source
from pipeline.sandbox.githubstate import Review
from pipeline.sandbox.state import State
from pipeline.selftest.breakage import Breakage
from pipeline.selftest.hands import commit, shipping
from pipeline.selftest.lab import Lab


def _somebody_pushes(lab: Lab) -> None:
    lab.kept["theirs"] = commit(lab, "A colleague's change")


def _their_head(lab: Lab) -> None:
    lab.release = replace(lab.release, commit=lab.kept["theirs"])


def _a_test_fails(lab: Lab) -> None:
    lab.state(lambda state: state.github.commits[lab.release.commit].checks.update(test="failure"))


def _push_after_the_approval(lab: Lab) -> None:
    lab.state(lambda state: setattr(state.github.pulls[-1], "head", "b" * 40))


def _review_of_the_head(lab: Lab) -> None:
    def approve(state: State) -> None:
        pull = state.github.pulls[-1]
        pull.reviews.append(Review("sam-reviewer", "APPROVED", pull.head, lab.clock.now().timestamp()))

    lab.state(approve)


BREAKAGES = (
    Breakage(
        source.is_pushed, "state", "a colleague pushes to main before the run begins", _somebody_pushes,
        "pull the branch and deploy its head", _their_head,
    ),
    Breakage(
        source.ci_is_green, "state", "a test of the commit fails on GitHub", _a_test_fails,
        "Open the failing check on GitHub and fix what it found", shipping(),
    ),
    Breakage(
        source.was_reviewed, "state", "the author pushes to the pull request after it was approved",
        _push_after_the_approval, "Ask for a review of the head as it is now", _review_of_the_head,
    ),
    Breakage(
        source.is_pushed, "order", "what is to be shipped is older than the head of main, on purpose", _somebody_pushes,
        "to ship something older on purpose, say `--older`", lambda lab: lab.order(older=True),
    ),
)  # fmt: skip
