"""R2 and Upstash as they refuse: checksums, tokens that may only read, quotas, archives."""

import asyncio
import re

import httpx
import pytest

from checks.outcome import Outcome
from tests.sandbox.signer import Signed
from tests.session.test_monitoring import daily
from tests.stage import InProcess

DAILY_LIMIT = '{"error":"ERR max daily request limit exceeded. Limit: 10000, Usage: 10000"}'


def presigned_put(inside: InProcess, query: str, content: bytes) -> httpx.Response:
    """What a browser does with the address that a server has signed for it."""
    known = inside.sandbox.description()["r2"]
    signer = Signed(known["access_key_id"], known["secret_access_key"], inside.clock.now().timestamp())
    address = signer.presigned("PUT", f"{known['endpoint']}/{known['bucket']}/essay.txt{query}")

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=inside.wire) as browser:
            return await browser.put(address, content=content)

    return asyncio.run(go())


def test_an_address_that_is_signed_with_the_checksum_of_nothing_takes_nothing(inside: InProcess) -> None:
    """A server signs an upload before there is a body, and newer SDKs sign the checksum of an empty one with it.

    https://github.com/crafter-station/petdex/issues/465
    """
    empty = "?x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32"
    refused = presigned_put(inside, empty, b"an essay")
    assert refused.status_code == 400
    assert "BadDigest" in refused.text
    assert presigned_put(inside, empty, b"").status_code == 200
    assert presigned_put(inside, "", b"an essay").status_code == 200


def test_a_bucket_that_refuses_to_be_written_to_warns_with_its_status(inside: InProcess) -> None:
    """After an update of the SDK the store answers 501 to every upload, and goes on listing what it has.

    https://github.com/f2face/cloudflare-r2/issues/12
    """
    inside.at_stage("watch", lambda: inside.sandbox.inject("r2 answer status=501 PUT"))
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    (warned,) = [finding for gate, finding in report.warnings if gate == "storage.files-come-back"]
    assert "failed at write: answered 501" in warned["says"]
    assert daily(inside).graded.gate == "storage.files-come-back"


def test_a_token_that_may_only_read_is_found_out(inside: InProcess) -> None:
    """The console shows two tokens; with the read-only one every PING is answered and no request is counted.

    https://github.com/upstash/ratelimit-js/issues/18, https://github.com/revokslab/waitly/issues/4
    """
    inside.at_stage("watch", lambda: inside.sandbox.patch({"upstash": {"read_only": True}}))
    _, report = inside.deploy()
    (warned,) = [finding for gate, finding in report.warnings if gate == "redis.redis-answers"]
    assert "NOPERM" in warned["says"]
    graded = daily(inside).graded
    assert (graded.severity, graded.gate) == ("P1", "redis.redis-answers")


def test_what_is_written_to_redis_to_see_whether_it_works_is_gone_after_a_minute(inside: InProcess) -> None:
    kept = set(inside.sandbox.state.upstash.keys)
    assert daily(inside).graded.severity == ""
    (own,) = set(inside.sandbox.state.upstash.keys) - kept
    assert own.startswith("deploy-probe:monitor-daily-"), "a name of its own, and none of the app's"
    assert 0 < inside.sandbox.state.upstash.keys[own].expires - inside.clock.now().timestamp() <= 60


def test_a_quota_that_is_used_up_is_quoted_and_takes_nothing_back(inside: InProcess) -> None:
    """The day's commands are used up: each request that is rate limited fails, or is no longer limited.

    https://github.com/wotschofsky/domain-digger/issues/36
    """
    inside.at_stage("watch", lambda: inside.sandbox.inject(f"upstash answer status=400 json='{DAILY_LIMIT}' POST /"))
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    (warned,) = [finding for gate, finding in report.warnings if gate == "redis.redis-answers"]
    assert "max daily request limit exceeded. Limit: 10000" in warned["says"]


def test_a_month_that_is_nearly_used_up_is_named_before_it_is(inside: InProcess) -> None:
    """All 500,000 commands of the month were used, and the whole site answered with Redis' error.

    https://github.com/DIYgod/RSSHub/issues/20937
    """
    inside.sandbox.patch({"upstash": {"monthly_requests": 450_000}})
    graded = daily(inside).graded
    assert (graded.severity, graded.gate) == ("P2", "redis.redis-is-within-limits")
    assert re.search(r"4500\d\d of 500000", graded.reason), "with the requests of this very look, as they come"


def test_past_its_limit_a_ping_is_refused_too(inside: InProcess) -> None:
    """Over its quota the database still takes connections, so only a command shows it.

    https://github.com/mako-ai/mako/pull/643
    """
    inside.sandbox.patch({"upstash": {"monthly_requests": 500_000}})
    graded = daily(inside).graded
    assert graded.severity == "P1"
    assert "max requests limit exceeded" in graded.reason


def test_a_database_that_was_archived_is_a_p1(inside: InProcess) -> None:
    """A database that nobody used for some weeks is archived, and the address leads nowhere.

    https://github.com/neighborhood-lab/folk-care/issues/1062
    """
    inside.sandbox.patch({"upstash": {"state": "archived"}})
    graded = daily(inside).graded
    assert (graded.severity, graded.gate) == ("P1", "redis.redis-is-within-limits")
    assert "is archived" in graded.reason


@pytest.mark.parametrize("fault", ["upstash cut", "upstash answer status=500"])
def test_a_limiter_that_lets_everybody_in_is_not_taken_for_a_well_one(inside: InProcess, fault: str) -> None:
    """Without Redis the limiter lets every request through: all pages are well, and nothing protects sign-in.

    https://github.com/liwala/ay-framework/issues/93
    """
    inside.at_stage("watch", lambda: inside.sandbox.inject(fault))
    outcome, report = inside.deploy()
    assert outcome is Outcome.DEPLOYED, report.reason
    assert any(gate == "redis.redis-answers" for gate, _ in report.warnings)


def test_the_databases_password_is_no_token_of_its_rest_api(inside: InProcess) -> None:
    """The console shows both beside one another, and whoever copied the password got 401 without another word.

    https://github.com/upstash/redis-js/issues/711
    """
    inside.sandbox.patch({"upstash": {"token": "another-one"}})
    outcome, report = inside.deploy()
    assert outcome is Outcome.BLOCKED, "before anything has moved"
    assert "UPSTASH_REDIS_REST_TOKEN" in report.reason


def test_an_object_that_is_asked_to_be_public_is_stored_and_stays_private(inside: InProcess) -> None:
    """R2 has no access lists for objects: it refused such an upload once, and takes it today without a word.

    https://github.com/FOSSBilling/FOSSBilling/pull/4256
    """
    assert presigned_put(inside, "?x-amz-acl=public-read", b"an essay").status_code == 200
    known = inside.sandbox.description()["r2"]
    assert inside.get(f"{known['endpoint']}/{known['bucket']}/essay.txt").status_code in (400, 401, 403)
