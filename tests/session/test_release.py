"""Which commit ships: what is checked out in the folder that was built, whatever CI says of its own run."""

import shutil
import subprocess
from pathlib import Path

import pytest

from checks.evidence import Release
from pipeline.errors import Mistake
from pipeline.session import release

NEWEST = "e" * 40
needs_git = pytest.mark.skipif(not shutil.which("git"), reason="there is no git")


def committed(folder: Path, text: str) -> str:
    """Commit a file with ``text`` in the repository ``folder``; its full id."""
    (folder / "page.tsx").write_text(text)
    who = ["-c", "user.name=d", "-c", "user.email=d@example.com", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", text]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return release.head_of(folder)


@needs_git
def test_the_checkout_counts_and_not_the_newest_commit_that_ci_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_SHA", NEWEST)
    head = committed(tmp_path, "one")
    assert release._commit_of(tmp_path, "") == head
    assert release._commit_of(tmp_path, "A" * 40) == "a" * 40, "what was said still wins"


def test_without_a_checkout_ci_is_believed_and_without_both_it_is_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setenv("GITHUB_SHA", NEWEST)
    assert release._commit_of(tmp_path, "") == NEWEST
    monkeypatch.delenv("GITHUB_SHA")
    with pytest.raises(Mistake, match="say --commit SHA"):
        release._commit_of(tmp_path, "")


@needs_git
def test_a_folder_that_was_built_anew_from_another_commit_does_not_ship_under_the_old_name(tmp_path: Path) -> None:
    first = committed(tmp_path, "one")
    ships = Release(first, str(tmp_path))
    release.must_be_as_it_was(ships, first, "r1")
    second = committed(tmp_path, "two")
    with pytest.raises(Mistake, match=f"where {second[:12]} is checked out now and not {first[:12]}"):
        release.must_be_as_it_was(ships, first, "r1")
    release.must_be_as_it_was(ships, "", "r1")
