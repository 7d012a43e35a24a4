"""R2's S3 API and Cloudflare's API about it; Redis has a module of its own."""

import base64
import hashlib
import json
import zlib
from dataclasses import replace
from xml.etree import ElementTree

import httpx
import pytest
from starlette.requests import Request

from pipeline.sandbox import launch
from pipeline.sandbox.postgres import Database
from pipeline.sandbox.r2.markup import S3Problem
from pipeline.sandbox.r2.signing import Seal, claimed, verified
from pipeline.sandbox.sandbox import Sandbox
from tests.sandbox.signer import Signed

S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # of the vendor's documentation, as what is signed with it


@pytest.fixture
def auth(sandbox, clock):
    found = sandbox.description()["r2"]
    return Signed(found["access_key_id"], found["secret_access_key"], clock.time)


def texts(answer: httpx.Response, path: str) -> list[str]:
    return [one.text or "" for one in ElementTree.fromstring(answer.content).iterfind(path.replace("/", "/" + S3))]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, ElementTree.fromstring(answer.content).findtext("Code") or ""


def as_documented(method: str, path: str, headers: dict[str, str]) -> Request:
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    return Request(scope)


def test_signatures_are_those_of_the_vendors_documentation():
    scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    headers = {
        "host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9", "x-amz-date": "20130524T000000Z",
        "x-amz-content-sha256": hashlib.sha256(b"").hexdigest(),
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope},"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    }  # fmt: skip
    request = as_documented("GET", "/test.txt", headers)
    seal = verified(request, claimed(request), "AKIAIOSFODNN7EXAMPLE", SECRET, 1369353600.0)
    chunks = Seal(seal.key, replace(seal.claim, at="20130524T000000Z"))
    first = chunks.chunk("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9", b"a" * 65536)
    assert first == "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
    second = chunks.chunk(first, b"a" * 1024)
    assert second == "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
    assert chunks.chunk(second, b"") == "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
    first = chunks.chunk("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e", b"a" * 65536)
    last = chunks.chunk(chunks.chunk(first, b"a" * 1024), b"")
    trailer = chunks.trailer(last, b"x-amz-checksum-crc32c:sOO8/Q==\n")
    assert trailer == "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
    other = as_documented("GET", "/test.txt", {**headers, "range": "bytes=0-10"})
    with pytest.raises(S3Problem, match="SignatureDoesNotMatch"):
        verified(other, claimed(other), "AKIAIOSFODNN7EXAMPLE", SECRET, 1369353600.0)


def test_an_object_is_read_back_as_it_was_written_and_gone_when_it_is_deleted(play, auth):
    async def scenario(services):
        r2, where = services["r2"], "/lms-uploads/a b/ü+%.txt"
        headers = {"content-type": "text/plain", "x-amz-meta-by": "dana", "cache-control": "no-store"}
        put = await r2.put(where, content=b"hello there", headers=headers, auth=auth)
        assert (put.status_code, put.headers["etag"]) == (200, f'"{hashlib.md5(b"hello there").hexdigest()}"')
        got = await r2.get(where, auth=auth)
        assert (got.content, got.headers["etag"]) == (b"hello there", put.headers["etag"])
        assert {name: got.headers[name] for name in headers} == headers
        head = await r2.head(where, auth=auth)
        assert (head.status_code, head.headers["content-length"], head.content) == (200, "11", b"")
        for asked, content, says in (
            ("0-4", b"hello", "0-4/11"),
            ("6-", b"there", "6-10/11"),
            ("-5", b"there", "6-10/11"),
        ):
            part = await r2.get(where, headers={"range": f"bytes={asked}"}, auth=auth)
            assert (part.status_code, part.content, part.headers["content-range"]) == (206, content, f"bytes {says}")
        outside = await r2.get(where, headers={"range": "bytes=11-"}, auth=auth)
        assert code(outside) == (416, "InvalidRange")
        same = await r2.get(where, headers={"if-none-match": put.headers["etag"]}, auth=auth)
        assert (same.status_code, same.content) == (304, b"")
        changed = await r2.get(where, headers={"if-match": '"other"'}, auth=auth)
        assert code(changed) == (412, "PreconditionFailed")
        assert (await r2.delete(where, auth=auth)).status_code == 204
        assert code(await r2.get(where, auth=auth)) == (404, "NoSuchKey")
        missing = await r2.head(where, auth=auth)
        assert (missing.status_code, missing.content) == (404, b"")
        assert (await r2.delete(where, auth=auth)).status_code == 204

    play(scenario)


def test_only_who_has_the_key_pair_is_let_in(sandbox, clock, play, auth):
    async def scenario(services):
        r2, where = services["r2"], "/lms-uploads/avatars/1.svg"
        assert (await r2.get(where, auth=auth)).status_code == 200
        other_region = Signed(auth.key_id, auth.secret, clock.time, "weur")
        assert (await r2.get(where, auth=other_region)).status_code == 200
        assert code(await r2.get(where)) == (403, "AccessDenied")
        assert code(await r2.get(where, auth=Signed("x" * 32, auth.secret, clock.time))) == (403, "InvalidAccessKeyId")
        wrong = await r2.put(where, content=b"mine", auth=Signed(auth.key_id, "y" * 64, clock.time))
        assert code(wrong) == (403, "SignatureDoesNotMatch")
        late = await r2.get(where, auth=Signed(auth.key_id, auth.secret, clock.time - 1000))
        assert code(late) == (403, "RequestTimeTooSkewed")
        lying = Signed(auth.key_id, auth.secret, clock.time, payload=hashlib.sha256(b"this").hexdigest())
        assert code(await r2.put(where, content=b"that", auth=lying)) == (400, "XAmzContentSHA256Mismatch")
        assert (await r2.get(where, auth=auth)).content.startswith(b"<svg")

    play(scenario)


def test_a_presigned_address_works_until_it_expires_and_for_nothing_else(sandbox, clock, play, auth):
    async def scenario(services):
        r2, base = services["r2"], sandbox.description()["r2"]["endpoint"] + "/lms-uploads/signed.txt"
        put = auth.presigned("PUT", base)
        assert (await r2.put(put, content=b"by a browser")).status_code == 200
        get = auth.presigned("GET", base)
        assert (await r2.get(get)).content == b"by a browser"
        assert code(await r2.get(get.replace("signed.txt", "other.txt"))) == (403, "SignatureDoesNotMatch")
        assert code(await r2.put(get, content=b"x")) == (403, "SignatureDoesNotMatch")
        clock.tick(61)
        assert code(await r2.get(get)) == (403, "AccessDenied")

    play(scenario)


def chunked(content: bytes, checksum: bytes) -> bytes:
    trailer = b"x-amz-checksum-crc32:" + base64.b64encode(checksum)
    return b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(content), content, trailer)


def test_a_body_in_chunks_is_stored_without_them_and_refused_when_its_checksum_is_wrong(clock, play, auth):
    async def scenario(services):
        r2, content = services["r2"], b"streamed" * 1000
        streaming = Signed(auth.key_id, auth.secret, clock.time, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        headers = {"content-encoding": "aws-chunked", "x-amz-trailer": "x-amz-checksum-crc32"}
        headers["x-amz-decoded-content-length"] = str(len(content))
        good = chunked(content, zlib.crc32(content).to_bytes(4, "big"))
        bad = chunked(content, b"\0\0\0\0")
        put = await r2.put("/lms-uploads/s", content=good, headers=headers, auth=streaming)
        got = await r2.get("/lms-uploads/s", auth=auth)
        assert (put.status_code, got.content, "content-encoding" in got.headers) == (200, content, False)
        refused = await r2.put("/lms-uploads/t", content=bad, headers=headers, auth=streaming)
        assert code(refused) == (400, "BadDigest")
        cut = await r2.put("/lms-uploads/t", content=good[:500], headers=headers, auth=streaming)
        assert code(cut) == (400, "IncompleteBody")
        assert code(await r2.get("/lms-uploads/t", auth=auth)) == (404, "NoSuchKey")

    play(scenario)


def test_signed_chunks_are_each_compared_with_their_signature(clock, play, auth):
    async def scenario(services):
        r2, content = services["r2"], b"sealed" * 100
        streaming = Signed(auth.key_id, auth.secret, clock.time, payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        headers = {"x-amz-decoded-content-length": str(len(content)), "content-encoding": "aws-chunked"}

        async def put(sent: bytes) -> httpx.Response:
            request = r2.build_request("PUT", "/lms-uploads/s", content=b"", headers=headers)
            before = next(streaming.auth_flow(request)).headers["authorization"].rpartition("=")[2]
            body = b""
            for one, stored in ((content, sent), (b"", b"")):
                hashes = f"{hashlib.sha256(b'').hexdigest()}\n{hashlib.sha256(one).hexdigest()}"
                before = streaming.sign(
                    f"AWS4-HMAC-SHA256-PAYLOAD\n{streaming.stamp}\n{streaming.scope}\n{before}\n{hashes}"
                )
                body += b"%x;chunk-signature=%s\r\n%s\r\n" % (len(stored), before.encode(), stored)
            return await r2.put(
                "/lms-uploads/s", content=body, headers={**request.headers, "content-length": str(len(body))}
            )

        assert (await put(content)).status_code == 200
        assert (await r2.get("/lms-uploads/s", auth=auth)).content == content
        assert code(await put(content.replace(b"s", b"S"))) == (403, "SignatureDoesNotMatch")

    play(scenario)


def test_a_list_is_in_the_order_of_the_keys_folded_and_in_pages_that_miss_nothing(sandbox, play, auth):
    async def scenario(services):
        r2, root = services["r2"], "/lms-uploads"
        sandbox.state.r2.most_listed = 1000
        names = [f"many/{n:02d} é/{part}" for n in range(7) for part in "ab"]
        for name in reversed(names):
            await r2.put(f"{root}/{name}", content=name.encode(), auth=auth)
        seen, folders, token = [], [], None
        for delimiter, found in (("", seen), ("/", folders)):
            while True:
                query = {"list-type": "2", "prefix": "many/", "max-keys": "3", "delimiter": delimiter}
                query |= {"continuation-token": token} if token else {}
                page = await r2.get(root, params=query, auth=auth)
                found += texts(page, "./Contents/Key") + texts(page, "./CommonPrefixes/Prefix")
                (truncated,), (count,) = texts(page, "./IsTruncated"), texts(page, "./KeyCount")
                assert (int(count) == 3) >= (truncated == "true")
                token = next(iter(texts(page, "./NextContinuationToken")), None)
                if truncated == "false":
                    break
        assert seen == names
        assert folders == sorted({name[:-1] for name in names})
        encoded = await r2.get(root, params={"list-type": "2", "prefix": "many/", "encoding-type": "url"}, auth=auth)
        assert texts(encoded, "./Contents/Key")[0] == "many/00%20%C3%A9/a"
        none = await r2.get(root, params={"list-type": "2", "max-keys": "0"}, auth=auth)
        assert (texts(none, "./Contents/Key"), texts(none, "./IsTruncated")) == ([], ["false"])
        broken = await r2.get(root, params={"list-type": "2", "continuation-token": "%"}, auth=auth)
        assert code(broken) == (400, "InvalidArgument")
        body = "".join(f"<Object><Key>{name}</Key></Object>" for name in names)
        deleted = await r2.post(f"{root}?delete", content=f"<Delete>{body}</Delete>".encode(), auth=auth)
        assert texts(deleted, "./Deleted/Key") == names
        assert set(sandbox.state.r2.objects) & set(names) == set()

    play(scenario)


def test_the_bucket_is_there_on_the_first_day_and_no_other_is(sandbox, play, auth):
    async def scenario(services):
        r2, known = services["r2"], sandbox.description()["r2"]
        sandbox.state.r2.most_listed = 1000
        variables = {one.key: one.value for one in sandbox.state.vercel.env}
        assert (known["account"], known["secret_access_key"]) == (
            variables["R2_ACCOUNT_ID"],
            variables["R2_SECRET_ACCESS_KEY"],
        )
        assert sandbox.core.fill(variables["R2_ENDPOINT"]) == known["endpoint"]
        assert texts(await r2.get("/", auth=auth), "./Buckets/Bucket/Name") == ["lms-uploads"]
        assert (await r2.head("/lms-uploads", auth=auth)).status_code == 200
        assert b"WEUR" in (await r2.get("/lms-uploads?location", auth=auth)).content
        first = texts(await r2.get("/lms-uploads?list-type=2", auth=auth), "./Contents/Key")
        assert "submissions/1/essay.txt" in first
        assert code(await r2.get("/other?list-type=2", auth=auth)) == (404, "NoSuchBucket")
        assert code(await r2.put("/other/key", content=b"", auth=auth)) == (404, "NoSuchBucket")
        assert code(await r2.get("/lms-uploads?acl", auth=auth)) == (501, "NotImplemented")

    play(scenario)


def test_a_key_that_is_taken_can_be_kept_from_being_overwritten(play, auth):
    async def scenario(services):
        r2, where = services["r2"], "/lms-uploads/lock"
        only_new = {"if-none-match": "*"}
        first = await r2.put(where, content=b"1", headers=only_new, auth=auth)
        assert first.status_code == 200
        assert code(await r2.put(where, content=b"2", headers=only_new, auth=auth)) == (412, "PreconditionFailed")
        stale = {"if-match": '"0123"'}
        assert code(await r2.put(where, content=b"3", headers=stale, auth=auth)) == (412, "PreconditionFailed")
        assert (await r2.get(where, auth=auth)).content == b"1"
        mine = {"if-match": first.headers["etag"]}
        assert (await r2.put(where, content=b"4", headers=mine, auth=auth)).status_code == 200

    play(scenario)


def test_a_copy_has_the_bytes_and_the_headers_of_its_source(play, auth):
    async def scenario(services):
        r2, source = services["r2"], {"x-amz-copy-source": "/lms-uploads/courses/1/lesson%201.txt"}
        copied = await r2.put("/lms-uploads/copy", headers=source, auth=auth)
        original = await r2.get("/lms-uploads/courses/1/lesson 1.txt", auth=auth)
        assert texts(copied, "./ETag") == [original.headers["etag"]]
        got = await r2.get("/lms-uploads/copy", auth=auth)
        assert (got.content, got.headers["content-type"]) == (original.content, original.headers["content-type"])
        missing = {"x-amz-copy-source": "lms-uploads/none"}
        assert code(await r2.put("/lms-uploads/x", headers=missing, auth=auth)) == (404, "NoSuchKey")

    play(scenario)


def test_a_token_that_may_only_read_writes_and_deletes_nothing(sandbox, play, auth):
    async def scenario(services):
        r2, where = services["r2"], "/lms-uploads/avatars/1.svg"
        sandbox.patch({"r2": {"read_only": True}})
        assert code(await r2.put(where, content=b"x", auth=auth)) == (403, "AccessDenied")
        assert code(await r2.delete(where, auth=auth)) == (403, "AccessDenied")
        assert code(await r2.post(f"{where}?uploads", auth=auth)) == (403, "AccessDenied")
        assert (await r2.get(where, auth=auth)).content.startswith(b"<svg")
        sandbox.patch({"r2": {"read_only": False}})
        assert (await r2.delete(where, auth=auth)).status_code == 204

    play(scenario)


def listed(*parts: tuple[int, str]) -> bytes:
    inside = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>" for n, etag in parts)
    return f"<CompleteMultipartUpload>{inside}</CompleteMultipartUpload>".encode()


def test_parts_are_an_object_only_when_they_are_completed(sandbox, play, auth):
    big, small = b"a" * 5 * 1024 * 1024, b"the end"

    async def scenario(services):
        r2, where = services["r2"], "/lms-uploads/big.bin"

        async def begin() -> str:
            made = await r2.post(f"{where}?uploads", headers={"content-type": "video/mp4"}, auth=auth)
            return texts(made, "./UploadId")[0]

        async def part(id: str, number: int, content: bytes) -> tuple[int, str]:
            query = {"partNumber": str(number), "uploadId": id}
            return number, (await r2.put(where, params=query, content=content, auth=auth)).headers["etag"]

        async def complete(id: str, *parts: tuple[int, str]) -> httpx.Response:
            return await r2.post(where, params={"uploadId": id}, content=listed(*parts), auth=auth)

        id = await begin()
        first, last = await part(id, 1, big), await part(id, 2, small)
        assert code(await r2.get(where, auth=auth)) == (404, "NoSuchKey")
        assert code(await complete(id, last, first)) == (400, "InvalidPartOrder")
        assert code(await complete(id, first, (2, '"0"'))) == (400, "InvalidPart")
        assert code(await complete(id, first, last, (3, '"0"'))) == (400, "InvalidPart")
        done = await complete(id, first, last)
        digests = hashlib.md5(big).digest() + hashlib.md5(small).digest()
        assert texts(done, "./ETag") == [f'"{hashlib.md5(digests).hexdigest()}-2"']
        got = await r2.get(where, auth=auth)
        assert (got.content == big + small, got.headers["content-type"]) == (True, "video/mp4")
        assert code(await complete(id, first, last)) == (404, "NoSuchUpload")
        tiny = await begin()
        parts = [await part(tiny, 1, small), await part(tiny, 2, small)]
        assert code(await complete(tiny, *parts)) == (400, "EntityTooSmall")
        assert (await r2.delete(where, params={"uploadId": tiny}, auth=auth)).status_code == 204
        assert sandbox.state.r2.uploads == {}

    play(scenario)


def test_a_world_that_is_opened_again_has_its_objects_and_one_from_before_the_stores_gets_them(
    sandbox, clock, play, auth
):
    async def scenario(services):
        await services["r2"].put("/lms-uploads/kept", content=b"kept", auth=auth)
        await services["upstash"].get("/set/kept/1", params={"_token": sandbox.state.upstash.token})

    play(scenario)
    file, database = sandbox.core.home / "state.json", Database(sandbox.core.database_url)
    again = Sandbox(sandbox.core.home, database, now=clock.now, sleep=clock.sleep)
    assert (again.state.r2, again.state.upstash) == (sandbox.state.r2, sandbox.state.upstash)
    old = json.loads(file.read_text())
    for name in ("r2", "upstash", "cloudflare"):
        del old[name]
    del old["tokens"]["cloudflare"]
    old["vercel"]["env"] = [one for one in old["vercel"]["env"] if one["key"] != "R2_ENDPOINT"]
    file.write_text(json.dumps(old))
    opened = Sandbox(sandbox.core.home, database, now=clock.now, sleep=clock.sleep).description()
    assert (opened["r2"], opened["upstash"]["token"]) == (
        sandbox.description()["r2"],
        sandbox.description()["upstash"]["token"],
    )
    assert opened["tokens"]["cloudflare"]
    values = {one["key"]: one["value"] for one in json.loads(file.read_text())["vercel"]["env"]}
    assert (values["R2_ENDPOINT"], values["UPSTASH_REDIS_REST_URL"]) == ("http://{{R2}}", "http://{{UPSTASH}}")


def test_who_only_looks_at_the_sandbox_sees_no_key_of_the_stores(sandbox, play):
    async def scenario(services):
        seen = (await services["control"].get("/", headers={"authorization": ""})).text
        known = sandbox.description()
        secrets = {known["r2"]["secret_access_key"], known["r2"]["access_key_id"], known["upstash"]["token"]}
        secrets |= {known["upstash"]["api_key"], known["tokens"]["cloudflare"]}
        assert len(secrets) == 5
        assert not [one for one in secrets if one in seen]

    play(scenario)


def test_a_fault_strikes_the_stores(sandbox, play, auth):
    async def scenario(services):
        for service in ("r2", "cloudflare", "upstash", "upstash-api"):
            sandbox.inject(f"{service} answer status=503 times=1")
            assert (await services[service].get("/")).status_code == 503
            assert (await services[service].get("/", auth=auth)).status_code != 503

    play(scenario)


QUERY = """
query Usage($account: string!, $bucket: string, $from: Time) {
  viewer { accounts(filter: {accountTag: $account}) {
    stored: r2StorageAdaptiveGroups(
      limit: 1, filter: {bucketName: $bucket, datetime_geq: $from}, orderBy: [datetime_DESC]) {
      max { objectCount payloadSize metadataSize uploadCount } dimensions { bucketName datetime } }
    r2OperationsAdaptiveGroups(limit: 100, filter: {bucketName: $bucket, actionStatus_in: ["success", "userError"]}) {
      sum { requests } dimensions { actionType actionStatus responseStatusCode } }
  } }
}
"""


def test_cloudflare_counts_what_is_really_stored_and_was_really_asked(sandbox, play, auth):
    async def scenario(services):
        account, cloudflare, r2 = sandbox.description()["cloudflare"]["account"], services["cloudflare"], services["r2"]
        root = f"/client/v4/accounts/{account}/r2"

        async def usage(bucket: str = "lms-uploads", **more: str) -> dict:
            variables = {"account": account, "bucket": bucket, **more}
            sent = await cloudflare.post("/client/v4/graphql", json={"query": QUERY, "variables": variables})
            assert (sent.status_code, sent.json()["errors"]) == (200, None)
            return sent.json()["data"]["viewer"]["accounts"][0]

        before = (await usage())["stored"][0]["max"]
        await r2.put("/lms-uploads/new", content=b"x" * 1000, auth=auth)
        await r2.get("/lms-uploads/new", auth=auth)
        await r2.get("/lms-uploads/none", auth=auth)
        after = await usage(**{"from": "2026-01-01T00:00:00Z"})
        now = after["stored"][0]["max"]
        assert (now["objectCount"], now["payloadSize"]) == (before["objectCount"] + 1, before["payloadSize"] + 1000)
        found = {
            (one["dimensions"]["actionType"], one["dimensions"]["responseStatusCode"]): one["sum"]["requests"]
            for one in after["r2OperationsAdaptiveGroups"]
        }
        assert found == {("PutObject", 200): 1, ("GetObject", 200): 1, ("GetObject", 404): 1}
        assert await usage("other") == {"stored": [], "r2OperationsAdaptiveGroups": []}
        assert (await usage(**{"from": "2099-01-01T00:00:00Z"}))["stored"] == []
        metrics = (await cloudflare.get(f"{root}/metrics")).json()["result"]["standard"]["published"]
        assert (metrics["objects"], metrics["payloadSize"]) == (now["objectCount"], now["payloadSize"])
        assert (await cloudflare.get(f"{root}/buckets")).json()["result"]["buckets"][0]["name"] == "lms-uploads"
        rules = (await cloudflare.get(f"{root}/buckets/lms-uploads/cors")).json()["result"]["rules"]
        assert rules[0]["allowed"]["origins"] == [sandbox.core.ports.url("production")]
        sandbox.patch({"r2": {"cors": None}})
        assert (await cloudflare.get(f"{root}/buckets/lms-uploads/cors")).status_code == 404

    play(scenario)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("{ viewer { accounts(filter: {accountTag: $x}) { r2 } } }", 'variable "x" is not defined'),
        ("{ viewer { accounts(filter: {accountTag: 1}) { r2 } } }", "not authorized"),
        ("query($a: string!) { viewer { accounts { x } } }", "required type"),
        ("{ viewer { zones { x } } }", "this API answers"),
        ("{ viewer {", "expected a name"),
        ("{ viewer & }", "unexpected character"),
        ("mutation { x }", "only queries"),
    ],
)
def test_a_query_that_is_wrong_is_told_so_with_status_200(play, query, says):
    async def scenario(services):
        answer = await services["cloudflare"].post("/client/v4/graphql", json={"query": query})
        assert (answer.status_code, answer.json()["data"]) == (200, None)
        assert says in answer.json()["errors"][0]["message"]

    play(scenario)


def test_a_data_set_names_the_fields_that_it_does_not_have(sandbox, play):
    async def scenario(services):
        account = sandbox.state.r2.account
        for inside, says in (
            ("r2Storage(limit: 1) { max { objectCount } }", 'unknown field "r2Storage"'),
            ("r2StorageAdaptiveGroups(limit: 1) { max { bytes } }", 'unknown field "bytes"'),
            ("r2StorageAdaptiveGroups(limit: 1) { sum { requests } }", 'unknown field "sum"'),
            ("r2StorageAdaptiveGroups { max { objectCount } }", "limit"),
            (
                'r2StorageAdaptiveGroups(limit: 1, filter: {datetime_geq: "soon"}) { max { objectCount } }',
                "datetime_geq",
            ),
        ):
            query = f'{{ viewer {{ accounts(filter: {{accountTag: "{account}"}}) {{ {inside} }} }} }}'
            answer = await services["cloudflare"].post("/client/v4/graphql", json={"query": query})
            assert says in answer.json()["errors"][0]["message"]

    play(scenario)


def test_cloudflare_knows_its_token(sandbox, play):
    async def scenario(services):
        cloudflare, verify = services["cloudflare"], "/client/v4/user/tokens/verify"
        buckets = f"/client/v4/accounts/{sandbox.state.r2.account}/r2/buckets"
        assert (await cloudflare.get(verify)).json()["result"]["status"] == "active"
        nobody = {"authorization": "Bearer no"}
        assert (await cloudflare.get(verify, headers=nobody)).json()["errors"][0]["code"] == 1000
        assert (await cloudflare.get(buckets, headers=nobody)).status_code == 403
        assert (await cloudflare.get("/client/v4/accounts/other/r2/buckets")).status_code == 403
        assert (await cloudflare.get(buckets + "/other")).status_code == 404
        sandbox.patch({"cloudflare": {"status": "expired"}})
        assert (await cloudflare.get(verify)).json()["result"]["status"] == "expired"
        assert (await cloudflare.get(buckets)).status_code == 403

    play(scenario)


@pytest.mark.process
def test_obstore_works_with_it(tmp_path):
    obstore = pytest.importorskip("obstore", reason="obstore is not installed: uv pip install obstore")
    from obstore.exceptions import AlreadyExistsError, PermissionDeniedError
    from obstore.store import S3Store

    home = tmp_path / "home"
    try:
        with launch.attach(home) as description:
            known = description["r2"]
            options = {
                "endpoint": known["endpoint"], "access_key_id": known["access_key_id"], "region": "auto",
                "client_options": {"allow_http": True}, "virtual_hosted_style_request": False,
            }  # fmt: skip
            store = S3Store(known["bucket"], secret_access_key=known["secret_access_key"], **options)
            content = bytes(range(256)) * 64
            etag = obstore.put(store, "from/ob store.bin", content)["e_tag"]
            got = obstore.get(store, "from/ob store.bin")
            assert (got.meta["e_tag"], bytes(got.bytes())) == (etag, content)
            assert bytes(obstore.get_range(store, "from/ob store.bin", start=3, end=7)) == content[3:7]
            obstore.put(store, "from/lock", b"mine", mode="create")
            with pytest.raises(AlreadyExistsError):
                obstore.put(store, "from/lock", b"theirs", mode="create")
            assert bytes(obstore.get(store, "from/lock").bytes()) == b"mine"
            big = b"0123456789abcdef" * (12 * 1024 * 1024 // 16)
            obstore.put(store, "from/big", big, use_multipart=True, chunk_size=5 * 1024 * 1024)
            assert bytes(obstore.get(store, "from/big").bytes()) == big
            names = [one["path"] for page in obstore.list(store, prefix="from/") for one in page]
            assert names == ["from/big", "from/lock", "from/ob store.bin"]
            obstore.delete(store, names)
            assert [one for page in obstore.list(store, prefix="from/") for one in page] == []
            with pytest.raises(FileNotFoundError):
                obstore.get(store, "from/lock")
            stranger = S3Store(known["bucket"], secret_access_key="no", **options)
            with pytest.raises(PermissionDeniedError):
                obstore.get(stranger, "avatars/1.svg")
    finally:
        launch.reset(home)
