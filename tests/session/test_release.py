"""Which commit ships: what is checked out in the folder that was built, whatever CI says of its own run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from checks.evidence import Release
from pipeline.clients.prebuilt import OUTPUT, fingerprint, must_be_unchanged, output_files
from pipeline.errors import BadReleaseError, Mistake
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


@needs_git
def test_changes_that_nobody_committed_are_a_mistake_that_names_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    head = committed(tmp_path, "reviewed")
    (tmp_path / "page.tsx").write_text("a repair at night")
    (tmp_path / "notes.txt").write_text("git does not follow this")
    with pytest.raises(Mistake, match=rf"page\.tsx differs from {head[:12]}"):
        release._commit_of(tmp_path, "")
    assert release._commit_of(tmp_path, head) == head, "said all the same"
    assert release.changed_files(tmp_path) == ("page.tsx",)


@needs_git
def test_in_a_job_of_actions_what_the_build_changed_is_said_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checks import source
    from checks.evidence import Commit
    from checks.policy import SourcePolicy

    head = committed(tmp_path, "reviewed")
    (tmp_path / "page.tsx").write_text("made anew by the build")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert release._commit_of(tmp_path, "") == head
    ships = Release(head, str(tmp_path), changed=release.changed_files(tmp_path))
    (said,) = source.is_pushed.judge(SourcePolicy("acme/lms"), ships, Commit(head, True, "main", head))
    assert (said.verdict.word, "page.tsx" in said.says) == ("warn", True)
    assert not tuple(
        source.is_pushed.judge(SourcePolicy("acme/lms"), Release(head, "."), Commit(head, True, "m", head))
    )


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


def built(folder: Path) -> Path:
    """A release whose only function takes a file along that lies outside of ``.vercel/output``."""
    function = folder / OUTPUT / "functions/index.func"
    function.mkdir(parents=True)
    (folder / OUTPUT / "config.json").write_text('{"version": 3}')
    (function / ".vc-config.json").write_text('{"filePathMap": {"server.js": ".next/server/page.js"}}')
    (folder / ".next/server").mkdir(parents=True)
    (folder / ".next/server/page.js").write_text("exports.page = 'judged'")
    return folder


@pytest.mark.parametrize("file", [".next/server/page.js", f"{OUTPUT}/config.json"])
def test_another_build_than_the_one_that_was_judged_is_not_uploaded(tmp_path: Path, file: str) -> None:
    """``next build`` alone puts new server code beside old pages; so does any file of the output."""
    folder = built(tmp_path)
    digest = fingerprint(output_files(folder))
    must_be_unchanged(output_files(folder), digest)
    (folder / file).write_text((folder / file).read_text().replace("judged", "another") + " ")
    with pytest.raises(BadReleaseError, match="are not those that the run began with"):
        must_be_unchanged(output_files(folder), digest)


@pytest.mark.parametrize("change", ["mode", "more", "name"])
def test_the_digest_tells_more_than_content(tmp_path: Path, change: str) -> None:
    folder = built(tmp_path)
    before = fingerprint(output_files(folder))
    page = folder / OUTPUT / "static/page.html"
    page.parent.mkdir()
    page.write_text("x")
    one = fingerprint(output_files(folder))
    if change == "mode":
        page.chmod(0o755)
    elif change == "name":
        os.rename(page, page.with_name("other.html"))
    else:
        (page.parent / "empty").touch()
    assert len({before, one, fingerprint(output_files(folder))}) == 3


def test_touching_a_file_changes_nothing(tmp_path: Path) -> None:
    folder = built(tmp_path)
    before = fingerprint(output_files(folder))
    os.utime(folder / OUTPUT / "config.json", (1, 1))
    assert fingerprint(output_files(folder)) == before
