"""GitHub's own client for Node.js against the sandbox: it goes from page to page by itself."""

import json
import time

import pytest

from tests.vendors.world import HERE, NPM, World, needs

pytestmark = [pytest.mark.wide, pytest.mark.process, needs("@octokit/rest")]
MODULE = NPM / "@octokit" / "rest" / "dist-src" / "index.js"


def read(world: World, folder, sha: str, token: str = "") -> dict:
    more = {"API": world.urls["github"], "TOKEN": token or world.tokens["github"], "SHA": sha}
    ran = world.node(str(HERE / "octokit.mjs"), MODULE.as_uri(), folder=folder, **more)
    assert ran.code == 0, ran.err
    found: dict = json.loads(ran.out)
    return found


def test_checks_reviews_and_alerts_of_all_pages_are_read(world, tmp_path):
    sha, now = f"{time.time_ns():040d}", time.time()
    alerts = [{"number": n, "severity": "high", "summary": f"bug {n}", "at": now} for n in range(1, 6)]
    fixed = {"number": 6, "severity": "high", "summary": "old", "at": now, "state": "fixed"}
    world.control("/state", {"github": {"code_scanning": [*alerts, fixed], "dependabot": [fixed, *alerts[:3]]}})
    world.control("/commits", {"sha": sha})
    found = read(world, tmp_path, sha)
    assert sorted(found["checks"]) == [["lint", "success"], ["monitor", "failure"], ["test", "success"]]
    assert found["reviews"] == [["sam-reviewer", "APPROVED"]]
    assert sorted(found["scanning"]) == [1, 2, 3, 4, 5]
    assert sorted(found["dependabot"]) == [1, 2, 3]
    assert found["status"] == "pending", "a bot says so, and always will"
    pages = {
        ending: len(world.requests("GET", ending, "github"))
        for ending in (f"/commits/{sha}/check-runs", "/code-scanning/alerts", "/dependabot/alerts")
    }
    assert list(pages.values()) == [3, 3, 2]


def test_a_red_commit_is_read_as_red_and_a_wrong_token_reads_nothing(world, tmp_path):
    sha = f"{time.time_ns():040d}"
    world.control("/state", {"github": {"check_conclusion": "failure", "code_scanning": [], "dependabot": []}})
    world.control("/commits", {"sha": sha})
    found = read(world, tmp_path, sha)
    world.control("/state", {"github": {"check_conclusion": "success"}})
    assert {conclusion for _, conclusion in found["checks"]} == {"failure"}
    assert found["status"] == "failure"
    with pytest.raises(AssertionError, match="Bad credentials"):
        read(world, tmp_path, sha, token="wrong")
