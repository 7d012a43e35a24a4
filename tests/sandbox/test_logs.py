"""What ``vercel logs`` asks: filters, pages and time."""

import pytest

from pipeline.sandbox.vercel.observability import matches

EVENT = {"level": "error", "httpStatus": 503, "requestPath": "/api/checkout/1", "isSystemLog": False, "message": ""}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "level:error",
        'level:"error"',
        "httpStatus >= 500",
        "httpStatus:503",
        "requestPath:*checkout*",
        "level:error AND httpStatus < 504",
        "level:info OR httpStatus > 502",
        'NOT pathType:"background_func"',
        "(level:info OR level:error) AND NOT httpStatus:500",
        "level:error httpStatus:503",
        "isSystemLog:false",
    ],
)
def test_a_filter_that_is_met(text):
    assert matches(text, EVENT)


@pytest.mark.parametrize(
    "text",
    [
        "level:info",
        "httpStatus < 500",
        "requestPath:/api",
        "NOT level:error",
        "level:error AND httpStatus:500",
        "(level:info OR level:debug) AND httpStatus:503",
        "nothing:here",
    ],
)
def test_a_filter_that_is_not_met(text):
    assert not matches(text, EVENT)


@pytest.mark.parametrize("text", ["level:error AND", "(level:error", "level:error)", "AND level:error", "%"])
def test_a_filter_that_cannot_be_read_is_refused(text):
    with pytest.raises(ValueError, match="filter"):
        matches(text, EVENT)


def test_bare_text_is_looked_for_in_the_message_of_a_log_and_in_nothing_else():
    assert matches("level:error AND p1001", {"level": "error", "message": "Error: P1001: no database"})
    assert not matches("p1002", {"message": "Error: P1001: no database"})
    with pytest.raises(ValueError, match="term"):
        matches("p1001", {"requestPath": "/p1001"})


def test_logs_come_in_pages_newest_first(sandbox, clock, play):
    async def scenario(services):
        for number in range(5):
            clock.tick(1)
            await services["production"].get(f"/page-{number}")

        async def ask(**more) -> dict:
            body = {
                "event": "vercel.proxy_response", "scope": {"ownerId": sandbox.state.vercel.team}, "select": [],
                "timeRange": {"start": "2020-01-01T00:00:00Z", "end": "2040-01-01T00:00:00Z"}, "limit": 2, **more,
            }  # fmt: skip
            answer = await services["vercel"].post("/v1/observability/events", json=body)
            return {"status": answer.status_code, **answer.json()}

        seen, cursor = [], {}
        while True:
            page = await ask(**cursor)
            seen += [event["requestPath"] for event in page["events"]]
            if not page["pagination"]["hasMore"]:
                break
            cursor = {"cursor": page["pagination"]["nextCursor"]}
        assert seen == [f"/page-{number}" for number in reversed(range(5))]
        early = {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}
        assert (await ask(timeRange=early))["events"] == []
        assert (await ask(scope={"ownerId": "team_other"}))["status"] == 403
        assert (await ask(filter="level"))["status"] == 400

    play(scenario)
