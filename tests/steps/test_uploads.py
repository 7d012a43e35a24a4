"""The upload: all of it, once, unchanged, a few at a time."""

import asyncio
import hashlib
import json
import os
import shlex
import stat
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from checks.evidence import Release
from checks.outcome import Outcome
from checks.policy import BuildPolicy
from pipeline.clients import archive, prebuilt
from pipeline.clients.prebuilt import BLOCK, OutputFile, output_files
from pipeline.errors import BadReleaseError, Refused
from pipeline.session.release import sealed
from pipeline.steps.build import build
from pipeline.steps.cli_build import deploy_with_cli
from pipeline.steps.upload import upload_prebuilt
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
    inside.wire = Counting()

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


@pytest.mark.parametrize("upload", [upload_prebuilt, deploy_with_cli])
def test_another_build_than_the_one_that_was_judged_makes_no_deployment(inside: InProcess, upload: Any) -> None:
    release = sealed(inside.release(), inside.settings)
    assert len(release.digest) == 64
    new = Path(release.folder) / ".vercel/output/static/new.txt"
    known = set(inside.sandbox.state.vercel.deployments)

    async def go() -> None:
        async with inside.world(release) as world:
            await upload(world, inside.settings.policies[BuildPolicy], release)

    new.write_text("from another build")
    with pytest.raises(BadReleaseError, match="are not those that the run began with"):
        asyncio.run(go())
    assert set(inside.sandbox.state.vercel.deployments) == known


def test_what_vercel_builds_has_no_digest(inside: InProcess) -> None:
    inside.require(BuildPolicy(by="git"))
    assert sealed(inside.release(), inside.settings).digest == ""


@both
@pytest.mark.parametrize("size", [10, 3 * BLOCK], ids=["small", "large"])
@pytest.mark.parametrize("happens", ["changes", "goes", "grows", "shrinks"])
def test_a_file_that_changes_meanwhile_is_an_error_and_no_deployment(
    inside: InProcess, policy: BuildPolicy, size: int, happens: str
) -> None:
    release = inside.release()
    victim = Path(release.folder) / ".vercel/output/static/victim.bin"
    victim.write_bytes(bytes(size))
    becomes = {"changes": b"x" * size, "grows": bytes(size + 1), "shrinks": bytes(size - 1)}
    known, before = set(inside.sandbox.state.vercel.deployments), inside.serves()

    class Meanwhile(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if victim.exists() and request.url.path == "/v13/deployments":
                victim.unlink() if happens == "goes" else victim.write_bytes(becomes[happens])
            return await inner.handle_async_request(request)

    inner = inside.wire
    inside.wire = Meanwhile()
    with pytest.raises(BadReleaseError, match=r"victim\.bin: changed while it was being uploaded"):
        made(inside, release, policy)
    assert set(inside.sandbox.state.vercel.deployments) == known
    assert inside.serves() == before


def _fifo(root: Path) -> None:
    os.mkfifo(root / ".vercel/output/static/pipe")


def _not_utf8(root: Path) -> None:
    (root / os.fsdecode(b".vercel/output/static/\xff.txt")).write_text("x")


def _links_to_no_utf8(root: Path) -> None:
    (root / ".vercel/output/static/odd.txt").symlink_to(os.fsdecode(b"\xff"))


def _maps_to(target: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / "dangling.js").symlink_to("nowhere.js")
        (root / "leaving.js").symlink_to("/etc/passwd")
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
        (_maps_to("/etc/passwd"), "outside the release"),
        (_maps_to("dangling.js"), "wants dangling.js, which is a link to nothing"),
        (_maps_to("leaving.js"), "wants leaving.js, which is a link that leaves the release"),
        (_links_to_no_utf8, "odd.txt: is a link to a name that is not UTF-8"),
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


def sent(inside: InProcess) -> Counter[str]:
    """How often each content goes up from now on, by its SHA-1."""
    counted: Counter[str] = Counter()
    inside.tap(before=lambda request: counted.update(filter(None, [request.headers.get("x-now-digest")])))
    return counted


def with_some(inside: InProcess, count: int, size: int = 8) -> Release:
    release = inside.release()
    for number in range(count):
        (Path(release.folder) / f".vercel/output/static/{number}.bin").write_bytes(os.urandom(size))
    return release


@pytest.mark.parametrize("size", [10, 3 * BLOCK], ids=["small", "large"])
@pytest.mark.parametrize(
    "fault", ["vercel answer status=503 POST /v2/files times=1", "vercel cut POST /v2/files times=1"]
)
def test_what_fails_once_is_sent_again_whole(inside: InProcess, fault: str, size: int) -> None:
    release, counted = with_some(inside, 1, size), sent(inside)
    inside.sandbox.inject(fault)
    inside.require(PLAIN)
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert counted.most_common(1)[0][1] == 2
    assert inside.serves() == report.staged["id"]
    content = (Path(release.folder) / ".vercel/output/static/0.bin").read_bytes()
    for site in (report.staged["url"], f"http://{inside.settings.domain}"):
        assert inside.get(f"{site}/0.bin").content == content


MISSED = ["answer status=500", "answer status=429 retry_after=2", "cut", "garbage", "answer status=503 done=yes"]


@pytest.mark.parametrize("fault", MISSED)
@pytest.mark.parametrize("archive", ["never", "always"])
def test_the_question_which_files_are_missing_is_asked_again(inside: InProcess, fault: str, archive: str) -> None:
    """A create without its files makes nothing; and when it has made the deployment after all, that is found."""
    release = with_some(inside, 3)
    inside.require(BuildPolicy("prebuilt", archive=archive))  # type: ignore[arg-type]
    inside.at_stage("build", lambda: inside.sandbox.inject(f"vercel {fault} POST /v13/deployments times=1"))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert (
        len([one for one in inside.sandbox.state.vercel.deployments.values() if one.meta.get("deployRun") == "r1"]) == 1
    )


def test_a_question_that_cannot_pass_is_asked_once(inside: InProcess) -> None:
    inside.at_stage("build", lambda: inside.sandbox.inject("vercel answer status=402 POST /v13/deployments"))
    outcome, report = inside.deploy(release=with_some(inside, 3))
    assert outcome is Outcome.BLOCKED, report.reason
    assert len(inside.asked("POST", "/v13/deployments")) == 1


def test_what_is_forbidden_is_asked_once(inside: InProcess) -> None:
    release, counted, before = with_some(inside, 30), sent(inside), inside.serves()
    inside.sandbox.inject("vercel answer status=403 POST /v2/files")
    inside.require(PLAIN)
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert "answered 403" in report.reason
    assert set(counted.values()) == {1}
    assert len(counted) < 20, "the first failure stops the others"
    assert inside.serves() == before


@both
def test_every_byte_that_is_served_is_the_one_that_was_built(inside: InProcess, policy: BuildPolicy) -> None:
    release = filled(inside)
    inside.require(policy)
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason
    static = Path(release.folder) / ".vercel/output/static"
    for site in (report.staged["url"], f"http://{inside.settings.domain}"):
        for name in ("large.bin", "empty.txt", "two words ü.txt"):
            assert inside.get(f"{site}/{name}").content == (static / name).read_bytes(), name
    assert inside.serves() == report.staged["id"]


@pytest.mark.parametrize(("seconds", "packed"), [(0.001, False), (3, True)], ids=["quick answers", "slow answers"])
def test_auto_takes_the_archive_when_answers_are_slow(inside: InProcess, seconds: float, packed: bool) -> None:
    release = with_some(inside, 40)
    inside.require(BuildPolicy(archive="auto"))
    inside.at_stage("build", lambda: inside.sandbox.inject(f"vercel delay seconds={seconds} POST /v13/deployments"))
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.DEPLOYED, report.reason
    assert (len(inside.asked("POST", "/v2/files")) == 1) is packed
    assert inside.serves() == report.staged["id"]
    assert inside.get(f"http://{inside.settings.domain}/7.bin").status_code == 200


def test_an_archive_that_is_known_does_not_go_up_twice(inside: InProcess) -> None:
    """Vercel keeps what was uploaded; what was inside an archive it need not know by itself."""
    release, counted = filled(inside), sent(inside)
    made(inside, release, ARCHIVE)
    assert len(counted) == 1
    for path in (inside.folder / "sandbox/blobs").iterdir():
        if path.name not in counted:
            path.unlink()
    one = made(inside, release, ARCHIVE, "r2")
    assert sum(counted.values()) == 1
    assert len(one.files) > 5


def test_more_files_than_vercel_lists_go_as_an_archive(inside: InProcess) -> None:
    release = inside.release()
    folder = Path(release.folder) / ".vercel/output/static/many"
    folder.mkdir()
    for number in range(15_000):
        (folder / f"{number}").touch()
    assert len(made(inside, release, BuildPolicy()).files) > 15_000
    assert len(inside.asked("POST", "/v2/files")) == 1


def test_files_are_hashed_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / ".vercel/output"
    root.mkdir(parents=True)
    (root / "config.json").write_text("{}")
    for number in range(3 * prebuilt.BATCH):
        (root / f"{number}").write_text(str(number))
    together, hashed = threading.Barrier(2), prebuilt._hashed

    def meeting(path: str) -> tuple[int, str]:
        if path.endswith(("/config.json", "/99")):  # the first batch waits for the last one
            together.wait(10)
        return hashed(path)

    monkeypatch.setattr(prebuilt, "_hashed", meeting)
    found = output_files(tmp_path)
    assert [file.name for file in found] == sorted(file.name for file in found)
    assert all(file.sha == hashlib.sha1(file.path.read_bytes()).hexdigest() for file in found)


@both
def test_100_mb_take_less_than_40_of_memory(inside: InProcess, policy: BuildPolicy) -> None:
    release = inside.release()
    with (Path(release.folder) / ".vercel/output/static/huge.bin").open("wb") as file:
        for _ in range(100):
            file.write(os.urandom(1_000_000))
    known, bytes_seen = set[str](), 0

    class Forgetting(httpx.AsyncBaseTransport):
        """Vercel, as far as it is needed: the emulator would keep it all in memory itself."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal bytes_seen
            if request.url.path == "/v2/files":
                async for piece in request.stream:  # type: ignore[union-attr]
                    bytes_seen += len(piece)
                known.add(request.headers["x-now-digest"])
                return httpx.Response(200, json={})
            if request.method == "POST":
                missing = {one["sha"] for one in json.loads(request.content)["files"]} - known
                error = {"code": "missing_files" if missing else "seen_enough", "missing": sorted(missing)}
                return httpx.Response(400, json={"error": {**error, "message": error["code"]}})
            return httpx.Response(200, json={"deployments": []})

    inside.wire = Forgetting()
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="seen_enough"):
            made(inside, release, policy)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert bytes_seen > 100_000_000
    assert peak < 40_000_000


def test_a_large_file_that_changes_while_it_is_on_its_way_never_arrives(inside: InProcess) -> None:
    release, before = with_some(inside, 1, 5 * BLOCK), inside.serves()
    victim = Path(release.folder) / ".vercel/output/static/0.bin"

    def change(request: httpx.Request) -> None:
        if request.headers.get("x-now-size") == str(5 * BLOCK):
            with victim.open("r+b") as file:
                file.seek(-1, os.SEEK_END)
                file.write(bytes([victim.read_bytes()[-1] ^ 1]))

    inside.tap(before=change)
    inside.require(PLAIN)
    outcome, report = inside.deploy(release=release)
    assert outcome is Outcome.BLOCKED
    assert "0.bin: changed while it was being uploaded" in report.reason
    assert report.staged == {}
    assert inside.serves() == before


def test_a_file_that_grows_is_never_sent_longer_than_announced(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(bytes(2 * BLOCK))
    file = OutputFile("app.log", path, 0o100644, 2 * BLOCK, hashlib.sha1(bytes(2 * BLOCK)).hexdigest())
    path.write_bytes(bytes(9 * BLOCK))
    pieces = list[bytes]()

    async def read() -> None:
        async for piece in file.blocks():
            pieces.append(piece)

    with pytest.raises(BadReleaseError, match="changed while it was being uploaded"):
        asyncio.run(read())
    assert sum(map(len, pieces)) <= file.size


def test_a_disk_that_is_full_is_not_a_file_that_has_changed(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(os.urandom(3 * BLOCK))
    data = (tmp_path / "x.bin").read_bytes()
    file = OutputFile("x.bin", tmp_path / "x.bin", 0o100644, len(data), hashlib.sha1(data).hexdigest())
    into = tmp_path / "parts"
    into.mkdir()
    (into / "source.tgz.part1").symlink_to("/dev/full")
    with pytest.raises(BadReleaseError, match=r"source\.tgz\.part1: cannot be written to .*: No space left"):
        archive.pack([file], into)


def test_a_path_with_dots_in_it_is_the_same_release(inside: InProcess) -> None:
    folder = Path(filled(inside).folder)
    names = [file.name for file in output_files(folder)]
    assert [file.name for file in output_files(folder / ".vercel" / "..")] == names


def test_a_functions_settings_that_are_no_file_are_named(inside: InProcess) -> None:
    folder = Path(inside.release().folder)
    settings = folder / ".vercel/output/functions/lms.func/.vc-config.json"
    settings.unlink()
    os.mkfifo(settings)
    with pytest.raises(BadReleaseError, match=r"lms\.func is not a file"):
        output_files(folder)


@pytest.mark.parametrize(
    "answer", ['{"error": {"code": "missing_files"}}', '{"error": {"code": "missing_files", "missing": 3}}']
)
def test_missing_files_that_are_not_named_are_no_crash(inside: InProcess, answer: str) -> None:
    before = inside.serves()
    inside.sandbox.inject(f"vercel answer status=400 json={shlex.quote(answer)} POST /v13/deployments")
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "says that files are missing, and not which" in report.reason
    assert inside.serves() == before


def test_files_that_stay_missing_after_they_were_sent_end_the_run(inside: InProcess) -> None:
    before = inside.serves()
    answer = json.dumps({"error": {"code": "missing_files", "message": "Missing files", "missing": ["0" * 40]}})
    inside.sandbox.inject(f"vercel answer status=400 json={shlex.quote(answer)} POST /v13/deployments")
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED
    assert "none of ours" in report.reason
    assert inside.serves() == before
