"""The stores' real clients against the sandbox: Amazon's and Upstash's SDKs, and Amazon's command line."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.sandbox import launch
from tests.vendors.world import HERE, LONGEST, NPM, World, lines_of

pytestmark = [pytest.mark.process]
SCRIPT = HERE / "stores.mjs"
PACKAGES = ("@aws-sdk/client-s3", "@upstash/redis", "@upstash/ratelimit")
AWS = shutil.which("aws")
needs_npm = pytest.mark.skipif(
    not all((NPM / name / "package.json").is_file() for name in PACKAGES) or not shutil.which("node"),
    reason="the stores' SDKs are not installed in tests/npm: ./inv test --wide",
)
needs_aws = pytest.mark.skipif(AWS is None, reason="there is no aws on the PATH: install awscli")


@pytest.fixture
def described(world: World) -> dict[str, Any]:
    found = launch.running(world.home / "home")
    assert found
    return found


@pytest.fixture(scope="module")
def seen(served: World) -> dict[str, Any]:
    """What the script saw, by what it looked at."""
    found = launch.running(served.home / "home")
    assert found
    served.control("/state", {"r2": {"most_listed": 1000}})  # as many as R2 itself lists
    environment = {
        "PATH": os.environ["PATH"], "R2": json.dumps(found["r2"]), "UPSTASH": json.dumps(found["upstash"]),
        "UPSTASH_DISABLE_TELEMETRY": "1", "HOME": str(served.home / "user"),
    }  # fmt: skip
    command = ["node", str(SCRIPT), str(NPM.parent)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONGEST)
    assert done.returncode == 0, done.stderr
    return {one["what"]: one["found"] for one in lines_of(done.stdout)}


@pytest.mark.wide
@needs_npm
def test_amazons_sdk_writes_reads_lists_and_deletes(seen):
    assert seen["put"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert (seen["get"], seen["range"], seen["head"]) == ("hello", "ell", 5)
    names = [f"sdk/page/{n}" for n in range(7)]
    assert seen["pages"] == [names[:3], names[3:6], names[6:]]
    assert seen["folders"] == ["sdk/page/"]
    assert (seen["delete"], seen["delete many"], seen["left"]) == (204, 7, 0)


@pytest.mark.wide
@needs_npm
def test_amazons_sdk_makes_one_object_of_parts(seen):
    digests = hashlib.md5(b"x" * 5 * 1024 * 1024).digest() + hashlib.md5(b"end").digest()
    assert seen["complete"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    assert seen["parts"] == [5 * 1024 * 1024 + 3, "xend"]
    assert seen["abort"] == 204


@pytest.mark.wide
@needs_npm
@pytest.mark.parametrize(
    ("what", "error", "status"),
    [
        ("create only", "PreconditionFailed", 412),
        ("missing", "NoSuchKey", 404),
        ("deleted", "NoSuchKey", 404),
        ("missing head", "NotFound", 404),
        ("missing bucket", "NoSuchBucket", 404),
        ("wrong key", "InvalidAccessKeyId", 403),
        ("wrong secret", "SignatureDoesNotMatch", 403),
    ],
)
def test_amazons_sdk_knows_the_errors(seen, what, error, status):
    assert (seen[what]["error"], seen[what]["status"]) == (error, status)


@pytest.mark.wide
@needs_npm
def test_upstashs_sdk_understands_every_reply(seen):
    assert (seen["set"], seen["get back"], seen["set nx"]) == ("OK", {"deep": ["ü", 1]}, None)
    assert 95 <= seen["ttl"] <= 100
    assert seen["hash"] == [2, {"a": 1, "b": "two"}]
    assert seen["sorted"] == [2, ["a", 1, "b", 2]]
    assert seen["together"] == [1, 2, 2]
    assert (seen["pipeline"], seen["transaction"]) == (["OK", 2, 2], [3, 4])
    assert seen["scan"] == ["sdk:a", "sdk:h", "sdk:l", "sdk:n", "sdk:p", "sdk:z"]
    assert (seen["ping"], seen["script"], seen["gone"]) == ("PONG", ["k", 42], [1, None])
    assert (seen["wrong type"]["error"], "WRONGTYPE" in seen["wrong type"]["says"]) == ("UpstashError", True)
    assert (seen["wrong token"]["error"], "WRONGPASS" in seen["wrong token"]["says"]) == ("UpstashError", True)


@pytest.mark.wide
@needs_npm
@pytest.mark.parametrize("limiter", ["fixed window", "sliding window", "token bucket"])
def test_upstashs_rate_limiter_stops_at_its_limit_and_counts_each_one_alone(seen, limiter):
    *dana, kim = seen[limiter]
    assert dana == [[True, left, 5] for left in (4, 3, 2, 1, 0)] + [[False, 0, 5]] * 2
    assert (kim, seen[f"{limiter} left"], seen[f"{limiter} reset"]) == ([True, 4, 5], 4, [True, 4, 5])


def aws(known: dict[str, str], folder: Path, *command: str, **keys: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "AWS_DEFAULT_REGION": "auto", "AWS_MAX_ATTEMPTS": "1",
        "AWS_ACCESS_KEY_ID": known["access_key_id"], "AWS_SECRET_ACCESS_KEY": known["secret_access_key"],
        "AWS_EC2_METADATA_DISABLED": "true", **keys,
    }  # fmt: skip
    words = [str(AWS), *command, "--endpoint-url", known["endpoint"]]
    return subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, timeout=LONGEST)


@needs_aws
def test_amazons_command_line_copies_twelve_megabytes_there_and_back(described, tmp_path):
    known = described["r2"]
    content = hashlib.sha256(b"seed").digest() * (12 * 1024 * 1024 // 32)
    (tmp_path / "big.bin").write_bytes(content)
    target = f"s3://{known['bucket']}/cli/big file.bin"
    sent = aws(known, tmp_path, "s3", "cp", "big.bin", target)
    assert sent.returncode == 0, sent.stderr
    head = json.loads(
        aws(known, tmp_path, "s3api", "head-object", "--bucket", known["bucket"], "--key", "cli/big file.bin").stdout
    )
    assert (head["ContentLength"], head["ETag"].strip('"').endswith("-2")) == (len(content), True)
    back = aws(known, tmp_path, "s3", "cp", target, "back.bin")
    assert back.returncode == 0, back.stderr
    assert (tmp_path / "back.bin").read_bytes() == content
    shown = aws(known, tmp_path, "s3", "ls", f"s3://{known['bucket']}/", "--recursive", "--summarize").stdout
    assert "12582912 cli/big file.bin" in shown
    assert aws(known, tmp_path, "s3", "rm", target).returncode == 0
    assert "cli/" not in aws(known, tmp_path, "s3", "ls", f"s3://{known['bucket']}/").stdout


@needs_aws
def test_amazons_command_line_pages_presigns_and_is_told_what_is_wrong(world, described, tmp_path):
    known = described["r2"]
    listing = ("s3api", "list-objects-v2", "--bucket", known["bucket"], "--prefix", "courses/", "--page-size", "1")
    found = json.loads(aws(known, tmp_path, *listing).stdout)["Contents"]
    assert [one["Key"] for one in found] == ["courses/1/lesson 1.txt", "courses/1/syllabus.md"]
    address = aws(known, tmp_path, "s3", "presign", f"s3://{known['bucket']}/courses/1/syllabus.md").stdout.strip()
    assert world.web.get(address).text.startswith("# Databases")
    for keys, says in (
        ({"AWS_ACCESS_KEY_ID": "0" * 32}, "InvalidAccessKeyId"),
        ({"AWS_SECRET_ACCESS_KEY": "0" * 64}, "SignatureDoesNotMatch"),
    ):
        refused = aws(known, tmp_path, *listing, **keys)
        assert refused.returncode
        assert says in refused.stderr
    world.control("/state", {"r2": {"read_only": True}})
    try:
        (tmp_path / "small").write_text("x")
        denied = aws(known, tmp_path, "s3", "cp", "small", f"s3://{known['bucket']}/small")
        assert "AccessDenied" in denied.stderr
    finally:
        world.control("/state", {"r2": {"read_only": False}})
