"""Upstash's Redis through its REST API, and what the management API says of it."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

Redis = Callable[..., Awaitable[Any]]


@pytest.fixture
def redis(sandbox, play) -> Callable[[Callable[[Redis], Awaitable[None]]], None]:
    """Play with commands: ``await run("GET", "a")`` is the result, or the error as text."""

    def run(scenario: Callable[[Redis], Awaitable[None]]) -> None:
        async def whole(services) -> None:
            client = services["upstash"]
            client.headers["authorization"] = f"Bearer {sandbox.description()['upstash']['token']}"

            async def one(*words: object) -> Any:
                answer = await client.post("/", json=list(words))
                found = answer.json()
                assert answer.status_code == (400 if "error" in found else 200)
                return found["error"] if "error" in found else found["result"]

            await scenario(one)

        play(whole)

    return run


@pytest.fixture
def token(sandbox) -> dict[str, str]:
    return {"authorization": f"Bearer {sandbox.description()['upstash']['token']}"}


def test_strings_and_counters(clock, redis):
    async def scenario(run):
        assert [await run("PING"), await run("ping", "you"), await run("ECHO", "me")] == ["PONG", "you", "me"]
        assert [await run("SET", "a", "1"), await run("GET", "a"), await run("GET", "none")] == ["OK", "1", None]
        assert await run("SET", "a", "2", "NX") is None
        assert await run("SET", "b", "2", "XX") is None
        assert await run("SET", "a", "3", "XX", "GET") == "1"
        assert await run("MGET", "a", "b") == ["3", None]
        assert [await run("INCR", "n"), await run("INCRBY", "n", 9), await run("DECR", "n")] == [1, 10, 9]
        await run("SET", "word", "x")
        assert await run("INCR", "word") == "ERR value is not an integer or out of range"
        assert await run("SET", "a", "1", "EX") == "ERR syntax error"
        assert await run("SET", "a", "1", "EX", 0) == "ERR invalid expire time in 'set' command"
        assert [await run("EXISTS", "a", "n", "none"), await run("DEL", "a", "none")] == [2, 1]
        assert await run("LPUSH", "word", "x") == "WRONGTYPE Operation against a key holding the wrong kind of value"

    redis(scenario)


def test_what_has_expired_is_gone(clock, redis):
    async def scenario(run):
        await run("SET", "a", "1", "EX", 10)
        await run("SET", "b", "1", "PX", "1500")
        await run("SET", "c", "1")
        assert [await run("TTL", "a"), await run("PTTL", "b"), await run("TTL", "c"), await run("TTL", "d")] == [
            10,
            1500,
            -1,
            -2,
        ]
        assert [await run("EXPIRE", "c", 5, "NX"), await run("EXPIRE", "c", 9, "NX"), await run("EXPIRE", "d", 5)] == [
            1,
            0,
            0,
        ]
        await run("INCR", "a")
        clock.tick(2)
        assert [await run("GET", "b"), await run("GET", "a"), await run("TTL", "a")] == [None, "2", 8]
        assert [await run("PERSIST", "c"), await run("TTL", "c")] == [1, -1]
        clock.tick(8)
        assert [await run("GET", "a"), await run("EXISTS", "a"), await run("GET", "c")] == [None, 0, "1"]
        await run("SET", "c", "2", "KEEPTTL")
        assert await run("PEXPIRE", "c", -1) == 1
        assert await run("EXISTS", "c") == 0

    redis(scenario)


def test_hashes_sets_sorted_sets_and_lists(redis):
    async def scenario(run):
        assert [await run("HSET", "h", "a", 1, "b", 2), await run("HSET", "h", "a", 3)] == [2, 0]
        assert [await run("HGET", "h", "a"), await run("HGETALL", "h")] == ["3", ["a", "3", "b", "2"]]
        assert [await run("HINCRBY", "h", "b", 5), await run("HMGET", "h", "b", "c")] == [7, ["7", None]]
        assert await run("HSET", "h", "a") == "ERR wrong number of arguments for 'hset' command"
        assert [await run("SADD", "s", "x", "y", "x"), sorted(await run("SMEMBERS", "s"))] == [2, ["x", "y"]]
        assert [await run("SREM", "s", "x", "y"), await run("EXISTS", "s")] == [2, 0]
        assert await run("ZADD", "z", 2, "b", 1, "a", 3.5, "c") == 3
        assert await run("ZADD", "z", "XX", "CH", 9, "a", 1, "d") == 1
        assert await run("ZRANGE", "z", 0, -1, "WITHSCORES") == ["b", "2", "c", "3.5", "a", "9"]
        assert await run("ZRANGE", "z", "(2", "+inf", "BYSCORE") == ["c", "a"]
        assert await run("ZRANGE", "z", "9", "(2", "BYSCORE", "REV", "LIMIT", 0, 1) == ["a"]
        assert [await run("ZCARD", "z"), await run("ZINCRBY", "z", 1, "b")] == [3, "3"]
        assert [await run("ZSCORE", "z", "b"), await run("ZSCORE", "z", "none")] == ["3", None]
        assert [await run("LPUSH", "l", "a", "b"), await run("RPUSH", "l", "c"), await run("LLEN", "l")] == [2, 3, 3]
        assert [await run("LRANGE", "l", 0, -1), await run("LRANGE", "l", -2, 9), await run("LRANGE", "l", 5, 9)] == [
            ["b", "a", "c"],
            ["a", "c"],
            [],
        ]
        assert [await run("TYPE", key) for key in ("h", "z", "l", "none")] == ["hash", "zset", "list", "none"]

    redis(scenario)


def test_a_scan_finds_what_was_always_there_though_others_are_deleted_meanwhile(redis):
    async def scenario(run):
        assert await run("FLUSHDB") == "OK"
        for n in range(40):
            await run("SET", f"keep:{n}", n)
            await run("SADD", f"drop:{n}", n)
        cursor, seen = "0", []
        while True:
            cursor, page = await run("SCAN", cursor, "COUNT", 7, "MATCH", "[kd]*:?*")
            seen += page
            for key in page:
                if key.startswith("drop"):
                    await run("DEL", key)
            if cursor == "0":
                break
        assert len(seen) == len(set(seen)) == 80
        assert await run("DBSIZE") == 40
        assert len(await run("KEYS", "keep:1*")) == 11
        assert (await run("SCAN", 0, "TYPE", "set", "COUNT", 1000))[1] == []
        assert await run("SCAN", "x") == "ERR invalid cursor"

    redis(scenario)


def test_the_rate_limiter_has_been_counting_since_the_first_day(redis):
    async def scenario(run):
        cursor, found = await run("SCAN", 0, "MATCH", "*ratelimit*", "COUNT", 1000)
        assert (cursor, len(found)) == ("0", 3)
        assert all(key.startswith("@upstash/ratelimit:") for key in found)
        assert sorted(found) == sorted(await run("KEYS", "@upstash*"))
        assert min([await run("TTL", key) for key in found]) > 0

    redis(scenario)


def test_scripts_are_really_run(clock, redis):
    script = """
      local limit = tonumber(ARGV[1]) -- how many
      local seen = redis.call('INCRBY', KEYS[1], ARGV[2])
      if seen == tonumber(ARGV[2]) then redis.call("PEXPIRE", KEYS[1], 1000) end
      return {limit - seen, seen > limit and "over" or 'under', redis.call("GET", "none") == false}
    """

    async def scenario(run):
        assert [await run("EVAL", script, 1, "k", 2, 1) for _ in range(3)] == [
            [1, "under", 1],
            [0, "under", 1],
            [-1, "over", 1],
        ]
        clock.tick(2)
        assert await run("EVAL", script, 1, "k", 2, 2) == [0, "under", 1]
        sha = await run("SCRIPT", "LOAD", "return {KEYS[1], ARGV[1], 3.9, {1, nil, 2}}")
        assert await run("EVALSHA", sha, 1, "k", "v") == ["k", "v", 3, [1]]
        assert (await run("EVALSHA", "0" * 40, 0)).startswith("NOSCRIPT")
        loops = """local n = 0
          for i = 1, 10, 3 do n = n + i end
          repeat n = n - 1 until n <= 20
          while n % 7 ~= 0 do n = n + 1 end
          return n"""
        assert await run("EVAL", loops, 0) == 21
        assert (await run("EVAL", "return redis.call('INCR', 'flags')", 0)).startswith("WRONGTYPE")
        assert await run("EVAL", "return redis.pcall('NOPE').err", 0) == "ERR unknown command 'NOPE'"
        for broken in ("return 1 +", "while true do end", "local a = nil return a.b", "function f() end"):
            assert (await run("EVAL", broken, 0)).startswith("ERR Error running script")

    redis(scenario)


def test_a_command_is_sent_as_a_path_as_json_or_with_its_last_word_as_the_body(sandbox, play, token):
    async def scenario(services):
        upstash = services["upstash"]
        address = await upstash.get(f"/set/a%2Fb/two%20words?EX=100&_token={sandbox.description()['upstash']['token']}")
        assert address.json() == {"result": "OK"}
        assert (await upstash.get("/ttl/a%2Fb", headers=token)).json() == {"result": 100}
        await upstash.post("/set/posted", content=b'{"json": true}', params={"PX": "5000"}, headers=token)
        assert (await upstash.get("/get/posted", headers=token)).json() == {"result": '{"json": true}'}
        encoded = await upstash.get("/get/a%2Fb", headers={**token, "Upstash-Encoding": "base64"})
        assert base64.b64decode(encoded.json()["result"]) == b"two words"
        done = await upstash.post("/", json=["SET", "a", "ü"], headers={**token, "Upstash-Encoding": "base64"})
        assert done.json() == {"result": "OK"}
        plain = await upstash.post("/", json=["MGET", "a", "b"], headers={**token, "Upstash-Response-Format": "resp2"})
        assert plain.content == b"*2\r\n$2\r\n\xc3\xbc\r\n$-1\r\n"
        cursor, keys = (await upstash.get("/scan/0/match/*ratelimit*/count/1000", headers=token)).json()["result"]
        assert (cursor, len(keys)) == ("0", 3)
        for headers in ({}, {"authorization": "Bearer no"}):
            refused = await upstash.get("/get/a", headers=headers)
            assert (refused.status_code, "WRONGPASS" in refused.json()["error"]) == (401, True)
        for sent in ([], {}, ["GET", None], [["GET", "a"]]):
            assert (await upstash.post("/", json=sent, headers=token)).status_code == 400
        unknown = await upstash.post("/", json=["NOPE"], headers=token)
        assert (unknown.status_code, unknown.json()) == (400, {"error": "ERR unknown command 'NOPE'"})
        assert (await upstash.delete("/get/a", headers=token)).status_code == 405

    play(scenario)


def test_a_pipeline_goes_on_after_an_error_and_a_transaction_does_not_begin_with_one(play, token):
    async def scenario(services):
        async def sent(path: str, *commands: list[object]) -> httpx.Response:
            return await services["upstash"].post(path, json=list(commands), headers=token)

        piped = await sent("/pipeline", ["SET", "p", "x"], ["INCR", "p"], ["MGET", "p", "q"])
        assert piped.status_code == 200
        assert [next(iter(one)) for one in piped.json()] == ["result", "error", "result"]
        assert piped.json()[2] == {"result": ["x", None]}
        bad = await sent("/multi-exec", ["SET", "t", "1"], ["NOPE"])
        assert (bad.status_code, bad.json()["error"].split()[0]) == (400, "EXECABORT")
        done = await sent("/multi-exec", ["GET", "t"], ["SET", "t", "2"], ["INCR", "t"])
        assert done.json() == [{"result": None}, {"result": "OK"}, {"result": 3}]
        assert (await sent("/pipeline")).status_code == 400

    play(scenario)


def test_the_statistics_are_what_happened(sandbox, clock, play, token):
    async def scenario(services):
        upstash, known = services["upstash"], sandbox.description()["upstash"]
        auth = httpx.BasicAuth(known["email"], known["api_key"])

        async def stats() -> dict[str, Any]:
            answer = await services["upstash-api"].get(f"/v2/redis/stats/{known['database']}", auth=auth)
            assert answer.status_code == 200
            return answer.json()

        before = await stats()
        for words in (["SET", "a", "1"], ["GET", "a"], ["GET", "a"], ["GET", "none"]):
            await upstash.post("/", json=words, headers=token)
        sandbox.patch({"upstash": {"slow_ms": 40, "connection_count": 9900}})
        clock.tick(60)
        await upstash.post("/", json=["GET", "a"], headers=token)
        after = await stats()
        assert [one["y"] for one in after["hits"]] == [2, 1]
        assert [one["y"] for one in after["misses"]] == [1, 0]
        assert [one["y"] for one in after["write"]] == [1, 0]
        assert after["latency_99"][0]["y"] < 40 <= after["latency_99"][1]["y"]
        assert after["connection_count"][-1]["y"] == 9900
        assert (after["daily_read_requests"], after["daily_write_requests"]) == (4, 1)
        assert after["total_monthly_requests"] == before["total_monthly_requests"] + 5
        counts = {one["metric_identifier"]: [p["y"] for p in one["data_points"]] for one in after["command_counts"]}
        assert counts == {"SET": [1, 0], "GET": [3, 1]}
        info = (await upstash.get("/info/stats", headers=token)).json()["result"]
        assert "keyspace_hits:3\r\nkeyspace_misses:1" in info

    play(scenario)


def test_the_limits_are_said_and_kept(sandbox, play, token):
    async def scenario(services):
        upstash, api, known = services["upstash"], services["upstash-api"], sandbox.description()["upstash"]
        auth, root = httpx.BasicAuth(known["email"], known["api_key"]), "/v2/redis"
        used = sandbox.state.upstash.monthly_requests
        sandbox.patch({"upstash": {"db_request_limit": used + 1, "db_max_clients": 100, "db_max_request_size": 50}})
        (listed,) = (await api.get(f"{root}/databases", auth=auth)).json()
        assert (listed["db_request_limit"], listed["db_max_clients"]) == (used + 1, 100)
        one = (await api.get(f"{root}/database/{known['database']}", auth=auth)).json()
        assert (one["rest_token"], one["endpoint"]) == (known["token"], sandbox.core.ports.host("upstash"))
        hidden = (await api.get(f"{root}/database/{known['database']}?credentials=hide", auth=auth)).text
        assert known["token"] not in hidden
        assert (await upstash.get("/ping", headers=token)).json() == {"result": "PONG"}
        over = await upstash.get("/ping", headers=token)
        assert (over.status_code, over.json()["error"][:31]) == (400, "ERR max requests limit exceeded")
        big = await upstash.post("/", json=["ECHO", "x" * 50], headers=token)
        assert (big.status_code, big.json()["error"][:29]) == (400, "ERR max request size exceeded")

    play(scenario)


def test_only_its_owner_is_told_about_the_database_and_its_backups(sandbox, play):
    async def scenario(services):
        api, known = services["upstash-api"], sandbox.description()["upstash"]
        path = f"/v2/redis/list-backup/{known['database']}"
        (backup,) = (await api.get(path, auth=httpx.BasicAuth(known["email"], known["api_key"]))).json()
        assert (backup["state"], backup["database_id"]) == ("completed", known["database"])
        assert 0 < sandbox.core.now() - backup["creation_time"] < 86400
        for auth in (None, httpx.BasicAuth(known["email"], "no"), httpx.BasicAuth("no", known["api_key"])):
            assert (await api.get(path, auth=auth)).status_code == 401
        other = await api.get("/v2/redis/stats/other", auth=httpx.BasicAuth(known["email"], known["api_key"]))
        assert other.status_code == 404

    play(scenario)
