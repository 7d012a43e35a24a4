"""Sentry's own command line and its SDK for Node.js against the sandbox, over real sockets."""

import itertools
import re
import shutil
import time
from pathlib import Path

import pytest

from tests.vendors.world import HERE, NPM, Ran, World, needs

CLI = NPM / "@sentry" / "cli" / "bin" / "sentry-cli"
pytestmark = [pytest.mark.wide, pytest.mark.process]
has_cli = pytest.mark.skipif(
    not shutil.which("node") or not list((NPM / "@sentry").glob("cli-*/bin/sentry-cli*")),
    reason="@sentry/cli, with the binary for this machine, is not installed in tests/npm: ./inv test --wide",
)
_versions = itertools.count(1)


def cli(world: World, folder: Path, *words: str, token: str = "") -> Ran:
    more = {
        "SENTRY_URL": world.urls["sentry"], "SENTRY_AUTH_TOKEN": token or world.tokens["sentry"],
        "SENTRY_ORG": "acme", "SENTRY_PROJECT": "lms", "SENTRY_DISABLE_UPDATE_CHECK": "1",
        "SENTRY_NO_PROGRESS_BAR": "1",
    }  # fmt: skip
    return world.node(str(CLI), *words, folder=folder, **more)


def done(ran: Ran) -> str:
    assert ran.code == 0, ran.err + ran.out
    return ran.out


def version() -> str:
    """One that no other test has."""
    return f"lms@1.0.{time.time_ns()}-{next(_versions)}"


@has_cli
def test_a_release_is_made_finalized_and_deployed(world, tmp_path):
    new, root = version(), "/organizations/acme/releases/"
    assert f"Created release {new}" in done(cli(world, tmp_path, "releases", "new", new))
    assert world.sentry(f"{root}{new}/")["dateReleased"] is None
    done(cli(world, tmp_path, "releases", "finalize", new))
    done(cli(world, tmp_path, "deploys", "new", "--release", new, "-e", "production", "-n", "the-first"))
    listed = done(cli(world, tmp_path, "deploys", "list", "--release", new))
    assert re.search(r"production\s*\|\s*the-first", listed)
    seen = world.sentry(f"{root}{new}/")
    assert seen["dateReleased"]
    assert (seen["deployCount"], seen["lastDeploy"]["name"]) == (1, "the-first")
    assert new in done(cli(world, tmp_path, "releases", "list"))


@has_cli
def test_the_commits_of_a_release_are_those_of_the_repository(world, tmp_path):
    new = version()
    first, second, third = (f"{next(_versions):03d}".rjust(40, digit) for digit in "abc")
    for sha in (first, second, third):
        world.control("/commits", {"sha": sha, "message": f"Change {sha[-3:]}"})
    done(cli(world, tmp_path, "releases", "new", new))
    done(cli(world, tmp_path, "releases", "set-commits", new, "--commit", f"acme/lms@{first}..{third}"))
    found = world.sentry(f"/organizations/acme/releases/{new}/commits/")
    assert [(one["id"], one["message"]) for one in found] == [(sha, f"Change {sha[-3:]}") for sha in (third, second)]
    unknown = cli(world, tmp_path, "releases", "set-commits", new, "--commit", f"acme/other@{third}")
    assert unknown.code != 0


@has_cli
def test_source_maps_are_uploaded_once_and_listed(world, tmp_path):
    new, built = version(), tmp_path / "dist"
    built.mkdir()
    (built / "app.js").write_text(f"console.log('{new}')\n//# sourceMappingURL=app.js.map\n")
    (built / "app.js.map").write_text('{"version":3,"sources":["app.ts"],"names":[],"mappings":"AAAA","file":"app.js"}')
    done(cli(world, tmp_path, "releases", "new", new))
    done(cli(world, tmp_path, "sourcemaps", "inject", str(built)))
    said = done(cli(world, tmp_path, "sourcemaps", "upload", "--release", new, str(built)))
    bundle = re.search(r"Bundle ID: ([-0-9a-f]+)", said)
    assert bundle, said
    listed = world.sentry("/projects/acme/lms/files/artifact-bundles/", query=new)
    assert [(one["bundleId"], one["fileCount"], one["associations"]) for one in listed] == [
        (bundle[1], 2, [{"release": new, "dist": None}])
    ]
    files = world.sentry(f"/projects/acme/lms/releases/{new}/files/")
    assert [one["name"] for one in files] == ["~/app.js", "~/app.js.map"]
    uploads = len(world.requests("POST", "/chunk-upload/", "sentry"))
    assert uploads
    done(cli(world, tmp_path, "sourcemaps", "upload", "--release", new, str(built)))
    assert len(world.requests("POST", "/chunk-upload/", "sentry")) == uploads, "all of it was there already"


@has_cli
def test_a_wrong_token_makes_nothing(world, tmp_path):
    new = version()
    assert cli(world, tmp_path, "releases", "new", new, token="wrong").code != 0
    assert new not in [one["version"] for one in world.sentry("/organizations/acme/releases/")]


def crash(world: World, folder: Path, dsn: str, release: str, mark: str) -> Ran:
    return world.node(
        str(HERE / "sentry_node.mjs"),
        str(NPM),
        folder=folder,
        DSN=dsn,
        RELEASE=release,
        ENVIRONMENT="preview",
        MARK=mark,
    )


@needs("@sentry/node")
def test_an_exception_that_the_sdk_sends_is_an_issue_of_its_release(world, tmp_path):
    new, mark = version(), f"mark {time.time_ns()}"
    done(crash(world, tmp_path, world.dsn, new, mark))
    (issue,) = world.sentry("/organizations/acme/issues/", query=f'is:unresolved firstRelease:"{new}" level:fatal')
    assert (issue["title"], issue["culprit"], issue["count"]) == (f"RangeError: {mark}", "GET /courses", "1")
    (event,) = world.sentry(f"/organizations/acme/issues/{issue['id']}/events/")
    tags = {one["key"]: one["value"] for one in event["tags"]}
    assert tags == {"release": new, "environment": "preview", "level": "fatal", "transaction": "GET /courses"}
    (other,) = world.sentry("/organizations/acme/issues/", query=f'firstRelease:"{new}" level:warning')
    assert other["title"] == f"{mark} was said"
    assert world.sentry("/organizations/acme/issues/", query=f'release:"{new}"', environment="production") == []


@needs("@sentry/node")
def test_what_is_sent_with_another_key_or_while_sentry_is_blind_is_no_issue(world, tmp_path):
    foreign, unseen = version(), version()
    crash(world, tmp_path, world.dsn.replace("//0", "//f"), foreign, "foreign")
    refused = world.requests("POST", "/envelope/", "sentry")[-1]["status"]
    world.control("/state", {"sentry": {"blind": True}})
    done(crash(world, tmp_path, world.dsn, unseen, "unseen"))
    world.control("/state", {"sentry": {"blind": False}})
    taken = world.requests("POST", "/envelope/", "sentry")[-1]["status"]
    assert (refused, taken) == (403, 200)
    for release in (foreign, unseen):
        assert world.sentry("/organizations/acme/issues/", query=f'release:"{release}"') == []
