"""The upload: all of it, once, unchanged, a few at a time."""

import asyncio
import hashlib
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from checks.evidence import Release
from checks.policy import BuildPolicy
from pipeline import archive
from pipeline.errors import BadRelease
from pipeline.prebuilt import BLOCK, OutputFile, output_files
from pipeline.runner import Outcome
from pipeline.steps.build import build
from tests.stage import InProcess

PLAIN, ARCHIVE = BuildPolicy(archive="never"), BuildPolicy(archive="always")
both = pytest.mark.parametrize("policy", [PLAIN, ARCHIVE], ids=["one by one", "archive"])


def filled(inside: InProcess) -> Release:
    """The example release with every kind of file that is awkward."""
    release = inside.release()
    root = Path(release.folder)
    static = root / ".vercel/output/static"
    (static / "two words ü.txt").write_text("Grüße")
    (static / "empty.txt").write_bytes(b"")
    (static / "large.bin").write_bytes(os.urandom(3 * BLOCK + 17))
    (static / "link.txt").symlink_to("two words ü.txt")
    (root / "node_modules/pg").mkdir(parents=True, exist_ok=True)
    (root / "node_modules/pg/index.js").write_text("module.exports = 1")
    settings = root / ".vercel/output/functions/lms.func/.vc-config.json"
    said = json.loads(settings.read_text())
    settings.write_text(json.dumps({**said, "filePathMap": {"pg/index.js": "node_modules/pg/index.js"}}))
    return release


def made(inside: InProcess, release: Release, policy: BuildPolicy, run: str = "r1", **more: Any) -> Any:
    """Only the step; the sandbox's deployment that it made."""

    async def go() -> str:
        async with inside.world(release, run) as world:
            staged = await build.act(world, policy, release)
            return str(staged.id)

    return inside.sandbox.state.vercel.deployments[asyncio.run(go())]


def asked(inside: InProcess, path: str) -> int:
    return sum(one["path"] == path for one in inside.sandbox.asked["vercel"])


@both
def test_what_arrives_is_what_was_there(inside: InProcess, policy: BuildPolicy) -> None:
    release = filled(inside)
    arrived = {one.file: one for one in made(inside, release, policy).files}
    sent = {file.name: file for file in output_files(Path(release.folder))}
    assert set(arrived) == set(sent)
    for name, file in sent.items():
        content = inside.sandbox.core.blobs.read(arrived[name].sha)
        assert hashlib.sha1(content).hexdigest() == file.sha, name
        assert stat.S_ISLNK(arrived[name].mode) == stat.S_ISLNK(file.mode), name
    assert arrived[".vercel/output/static/link.txt"].mode == 0o120777
    assert "node_modules/pg/index.js" in arrived, "a function takes along what its filePathMap names"


def test_the_second_time_nothing_goes_up(inside: InProcess) -> None:
    release = filled(inside)
    made(inside, release, PLAIN)
    before = asked(inside, "/v2/files")
    assert before > 5
    made(inside, release, PLAIN, "r2")
    assert asked(inside, "/v2/files") == before


def test_ten_at_a_time_and_the_bar_reaches_the_end(inside: InProcess) -> None:
    release = inside.release()
    for number in range(120):
        (Path(release.folder) / f".vercel/output/static/{number}.txt").write_text(str(number))
    flying, most, lines = 0, 0, list[str]()

    class Counting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal flying, most
            flying += 1
            most = max(most, flying)
            await asyncio.sleep(0)
            try:
                return await inner.handle_async_request(request)
            finally:
                flying -= 1

    inner = inside.wire
    inside.wire = Counting()  # type: ignore[assignment]

    async def go() -> None:
        async with inside.world(release) as world:
            object.__setattr__(world, "progress", lines.append)
            await build.act(world, PLAIN, release)

    asyncio.run(go())
    assert 5 < most <= 10
    assert "░" in next(line for line in lines if "█" in line or "░" in line)
    last = [line for line in lines if line.startswith("uploading")][-1]
    assert "░" not in last
    count = last.split("of")[0].split()[-1]
    assert f"{count} of {count} files" in last


@both
@pytest.mark.parametrize("size", [10, 3 * BLOCK], ids=["small", "large"])
@pytest.mark.parametrize("happens", ["changes", "goes"])
def test_a_file_that_changes_meanwhile_is_an_error_and_no_deployment(
    inside: InProcess, policy: BuildPolicy, size: int, happens: str
) -> None:
    release = inside.release()
    victim = Path(release.folder) / ".vercel/output/static/victim.bin"
    victim.write_bytes(bytes(size))
    known = set(inside.sandbox.state.vercel.deployments)

    class Meanwhile(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if victim.exists() and request.url.path == "/v13/deployments":
                victim.unlink() if happens == "goes" else victim.write_bytes(b"x" * size)
            return await inner.handle_async_request(request)

    inner = inside.wire
    inside.wire = Meanwhile()  # type: ignore[assignment]
    with pytest.raises(BadRelease, match=r"victim\.bin: changed while it was being uploaded"):
        made(inside, release, policy)
    assert set(inside.sandbox.state.vercel.deployments) == known


def _fifo(root: Path) -> None:
    os.mkfifo(root / ".vercel/output/static/pipe")


def _not_utf8(root: Path) -> None:
    (root / os.fsdecode(b".vercel/output/static/\xff.txt")).write_text("x")


def _maps_to(target: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        settings = root / ".vercel/output/functions/lms.func/.vc-config.json"
        settings.write_text(json.dumps({**json.loads(settings.read_text()), "filePathMap": {"x": target}}))

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_fifo, "pipe: is neither a file nor a link"),
        (_not_utf8, "has a name that is not UTF-8"),
        (_maps_to("nowhere/x.js"), "wants nowhere/x.js, which is not there"),
        (_maps_to("../../etc/passwd"), "outside the release"),
    ],
)
def test_what_cannot_be_shipped_is_named_and_stops_the_run(
    inside: InProcess, change: Callable[[Path], None], says: str
) -> None:
    release, before = inside.release(), inside.serves()
    change(Path(release.folder))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert says in report.reason
    assert inside.serves() == before


@both
def test_ten_thousand_files(inside: InProcess, policy: BuildPolicy) -> None:
    release = inside.release()
    for number in range(10_000):
        (Path(release.folder) / f".vercel/output/static/{number}.txt").write_text(str(number))
    assert len(made(inside, release, policy).files) > 10_000


def test_a_file_of_100_mb_is_streamed(inside: InProcess) -> None:
    """Its bytes are never in memory all at once."""
    release = inside.release()
    with (Path(release.folder) / ".vercel/output/static/huge.bin").open("wb") as file:
        file.truncate(100_000_000)
    largest = 0

    class Watching(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal largest
            if request.url.path == "/v2/files":
                digest, size = hashlib.sha1(), 0
                async for piece in request.stream:  # type: ignore[union-attr]
                    largest, size = max(largest, len(piece)), size + len(piece)
                    digest.update(piece)
                assert digest.hexdigest() == request.headers["x-now-digest"]
                assert str(size) == request.headers["content-length"] == request.headers["x-now-size"]
                return httpx.Response(403, json={"error": {"code": "forbidden", "message": "seen enough"}})
            return await inner.handle_async_request(request)

    inner = inside.wire
    inside.wire = Watching()  # type: ignore[assignment]
    with pytest.raises(Exception, match="seen enough"):
        made(inside, release, PLAIN)
    assert 0 < largest <= BLOCK


def test_an_archive_is_taken_where_it_is_faster() -> None:
    def some(count: int, size: int) -> list[OutputFile]:
        return [OutputFile(f"{n}", Path(), 0o100644, size, "") for n in range(count)]

    many, one = some(5_000, 2_000), some(1, 2_000)
    assert archive.is_faster(many, many, 0.05, 10)
    assert not archive.is_faster(one, many, 0.05, 10), "after a small change only the change goes up"
    assert not archive.is_faster([], many, 0.05, 10)


def test_an_archive_comes_in_parts_that_vercel_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PART", 1_000)
    (tmp_path / "x.bin").write_bytes(os.urandom(4_500))
    data = (tmp_path / "x.bin").read_bytes()
    file = OutputFile("x.bin", tmp_path / "x.bin", 0o100644, len(data), hashlib.sha1(data).hexdigest())
    into = tmp_path / "parts"
    into.mkdir()
    parts = archive.pack([file], into)
    assert [part.name for part in parts] == [f".vercel/source.tgz.part{n}" for n in range(1, len(parts) + 1)]
    assert all(part.size <= 1_000 for part in parts)
    assert len(parts) >= 5
    assert all(hashlib.sha1(part.path.read_bytes()).hexdigest() == part.sha for part in parts)
