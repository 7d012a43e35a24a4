"""What may be uploaded, what an archive becomes, and what is built here."""

import gzip
import hashlib
import io
import json
import tarfile
import time

import pytest

from pipeline.sandbox.vercel import files
from tests.processes import slowness
from tests.sandbox.fixtures import create, upload

OUTPUT = ".vercel/output/"
CONFIG = (OUTPUT + "config.json", b'{"version": 3}')


def packed(
    *members: tuple[str, bytes], links: tuple[tuple[str, str], ...] = (), kind: bytes = tarfile.SYMTYPE
) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
        for name, target in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            tar.addfile(member)
    return stream.getvalue()


async def deploy(services, sandbox, clock, *parts: bytes) -> dict:
    entries = []
    for number, part in enumerate(parts, 1):
        sha = hashlib.sha1(part).hexdigest()
        await services["vercel"].post("/v2/files", content=part, headers={"x-now-digest": sha})
        entries.append({"file": f".vercel/source.tgz.part{number}", "sha": sha, "size": len(part), "mode": 438})
    made = await create(services, sandbox, files=entries)
    clock.tick(1)
    return (await services["vercel"].get(f"/v13/deployments/{made['id']}")).json()


def test_the_parts_of_an_archive_are_joined_and_unpacked(sandbox, clock, play):
    async def scenario(services):
        members = (CONFIG, (OUTPUT + "static/a.txt", b"hello"))
        whole = packed(*members, links=((OUTPUT + "static/b.txt", "a.txt"),))
        made = await deploy(services, sandbox, clock, whole[:50], whole[50:])
        assert made["readyState"] == "READY"
        found = {one.file: one for one in sandbox.state.vercel.deployments[made["id"]].files}
        assert set(found) == {CONFIG[0], OUTPUT + "static/a.txt", OUTPUT + "static/b.txt"}
        assert (found[OUTPUT + "static/a.txt"].mode, found[OUTPUT + "static/b.txt"].mode) == (0o100755, 0o120777)
        assert sandbox.core.blobs.read(found[OUTPUT + "static/b.txt"].sha) == b"a.txt"
        assert (await services.at(made["url"]).get("/a.txt")).text == "hello"

    play(scenario)


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (packed(CONFIG, ("../evil", b"")), "leaves the folder"),
        (packed(CONFIG, ("/etc/evil", b"")), "leaves the folder"),
        (packed(CONFIG, links=(("static/x", "../../etc/passwd"),)), "leaves the folder"),
        (packed(CONFIG, links=(("static/x", "nothing"),), kind=tarfile.LNKTYPE), "does not come before it"),
        (packed(CONFIG, links=(("pipe", ""),), kind=tarfile.FIFOTYPE), "neither a file nor a link"),
        (b"no archive", "cannot be read"),
        (packed(CONFIG)[:-20], "cannot be read"),
        (gzip.compress(b"x" * 2000), "cannot be read"),
    ],
    ids=["up", "root", "link out", "hard link to nothing", "pipe", "no gzip", "cut off", "no tar"],
)
def test_an_archive_that_is_not_what_it_should_be_fails_the_build(sandbox, clock, play, archive, why):
    async def scenario(services):
        made = await deploy(services, sandbox, clock, archive)
        assert (made["readyState"], made["errorCode"]) == ("ERROR", "BUILD_FAILED")
        assert why in made["errorMessage"]

    play(scenario)


def test_more_than_15000_files_are_too_many(sandbox, play):
    async def scenario(services):
        many = [{"file": f"{number}", "sha": "0" * 40, "size": 0} for number in range(15_001)]
        refused = await services["vercel"].post("/v13/deployments", json={"name": "lms", "files": many})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "too_many_files")

    play(scenario)


def test_a_large_file_is_refused_with_the_limit(sandbox, play, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 10)

    async def scenario(services):
        refused = await services["vercel"].post("/v2/files", content=b"x" * 11, headers={"x-now-digest": "0" * 40})
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, "size_limit_exceeded")
        assert refused.json()["error"]["sizeLimit"] == 10

    play(scenario)


def test_thousands_of_small_files_are_uploaded_and_saved_cheaply(sandbox, clock, play):
    async def scenario(services):
        entries = [{"file": f"{OUTPUT}static/{number}.txt", "data": str(number)} for number in range(10_000)]
        made = await create(services, sandbox, files=[{"file": CONFIG[0], "data": CONFIG[1].decode()}, *entries])
        assert len(sandbox.state.vercel.deployments[made["id"]].files) == 10_001
        assert (sandbox.core.home / "state.json").stat().st_size < 100_000
        before = (sandbox.core.home / "state.json").stat().st_mtime_ns
        began = time.perf_counter()
        for number in range(200):
            content = f"file {number}".encode()
            sha = hashlib.sha1(content).hexdigest()
            await services["vercel"].post("/v2/files", content=content, headers={"x-now-digest": sha})
        assert time.perf_counter() - began < 2 * slowness()
        assert (sandbox.core.home / "state.json").stat().st_mtime_ns == before
        clock.tick(1)
        assert (await services.at(made["url"]).get("/77.txt")).text == "77"

    play(scenario)


async def from_source(services, clock, **sources: str) -> dict:
    entries = [{"file": name.replace("__", "/").replace("_", "."), "data": text} for name, text in sources.items()]
    body = {"name": "lms", "target": "production", "files": entries}
    made = (await services["vercel"].post("/v13/deployments", json=body)).json()
    clock.tick(1)
    return (await services["vercel"].get(f"/v13/deployments/{made['id']}")).json()


def test_pages_without_a_framework_are_served_as_vercel_json_says(sandbox, clock, play):
    async def scenario(services):
        settings = {
            "headers": [{"source": "/", "headers": [{"key": "x-from", "value": "vercel.json"}]}],
            "redirects": [{"source": "/old", "destination": "/", "permanent": True}],
            "crons": [{"path": "/api/c", "schedule": "* * * * *"}],
        }
        made = await from_source(services, clock, public__index_html="<p>hi</p>", vercel_json=json.dumps(settings))
        assert made["readyState"] == "READY"
        page, old = [await services["production"].get(path) for path in ("/", "/old")]
        assert (page.text, page.headers["x-from"]) == ("<p>hi</p>", "vercel.json")
        assert (old.status_code, old.headers["location"]) == (308, "/")
        assert (await services["production"].get("/vercel.json")).status_code == 404

    play(scenario)


@pytest.mark.parametrize(
    "sources",
    [
        {"package_json": '{"scripts": {"build": "next build"}}', "index_html": "x"},
        {"main_py": "print()"},
        {"vercel_json": "[]"},
    ],
)
def test_what_would_have_to_be_built_fails(sandbox, clock, play, sources):
    async def scenario(services):
        assert (await from_source(services, clock, **sources))["errorCode"] == "BUILD_FAILED"

    play(scenario)


def test_crons_are_those_of_the_live_deployment(sandbox, clock, play):
    async def scenario(services):
        vercel, pid = services["vercel"], sandbox.state.vercel.project

        async def crons() -> dict:
            return (await vercel.get(f"/v9/projects/{pid}")).json()["crons"]

        before = sandbox.state.vercel.production
        config = {"version": 3, "crons": [{"path": "/api/nightly", "schedule": "0 5 * * *"}]}
        made = await create(services, sandbox, files=[{"file": CONFIG[0], "data": json.dumps(config)}])
        clock.tick(1)
        assert (await crons())["definitions"] == []
        await vercel.post(f"/v10/projects/{pid}/promote/{made['id']}")
        clock.tick(1)
        host = sandbox.core.ports.host("production")
        assert (await crons())["definitions"] == [{"host": host, **config["crons"][0]}]
        assert (await crons())["deploymentId"] == made["id"]
        await vercel.post(f"/v9/projects/{pid}/rollback/{before}")
        clock.tick(1)
        assert ((await crons())["deploymentId"], (await crons())["definitions"]) == (before, [])

    play(scenario)


def test_a_field_of_the_project_can_be_hidden(sandbox, play):
    async def scenario(services):
        path = f"/v9/projects/{sandbox.state.vercel.project}"
        link = (await services["vercel"].get(path)).json()["link"]
        assert (link["type"], link["org"], link["repo"], link["productionBranch"]) == ("github", "acme", "lms", "main")
        sandbox.patch({"vercel": {"hidden": ["autoAssignCustomDomains"]}})
        assert "autoAssignCustomDomains" not in (await services["vercel"].get(path)).json()

    play(scenario)


def test_a_preview_is_promoted_by_building_it_again(sandbox, clock, play):
    async def scenario(services):
        folder, _ = sandbox.release("good")
        body = {"name": "lms", "files": await upload(services["vercel"], folder)}
        preview = (await services["vercel"].post("/v13/deployments?prebuilt=1", json=body)).json()
        again = {"deploymentId": preview["id"], "name": "lms", "target": "production", "meta": {"action": "promote"}}
        made = (await services["vercel"].post("/v13/deployments?forceNew=1", json=again)).json()
        assert (preview["target"], made["target"], made["meta"]["action"]) == (None, "production", "promote")
        clock.tick(1)
        assert (
            sandbox.state.vercel.deployments[made["id"]].files == sandbox.state.vercel.deployments[preview["id"]].files
        )
        health = await services["production"].get("/api/health/db")
        assert health.json()["deployment"] == made["id"]

    play(scenario)
