"""Serves Redis over HTTP: a command as a JSON array or as a path, pipelines and transactions."""

import base64
import json
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.sandbox.core import Core
from pipeline.sandbox.redis.engine import Engine
from pipeline.sandbox.redis.store import RedisError, Reply, Status
from pipeline.sandbox.web import Problem, bearer

METHODS = ("HEAD", "GET", "POST", "PUT")
Answer = Reply | RedisError | tuple[Reply | RedisError, ...]
"""A reply, an error, or as a tuple those of several commands."""


class RedisRest:
    def __init__(self, core: Core) -> None:
        self._core, self._engine = core, Engine(core)

    async def __call__(self, request: Request) -> Response:
        sent = await request.body()
        try:
            self._authorize(request, len(sent))
            answer, status = await self._answer(request, sent)
        except Problem as problem:
            return problem.response()
        if request.headers.get("upstash-response-format", "").lower() == "resp2":
            response = Response(resp2(answer), status, media_type="application/octet-stream")
        else:
            encoded = request.headers.get("upstash-encoding", "").lower() == "base64"
            response = JSONResponse(_json(answer, encoded), status)
        self._engine.tally.sent(len(sent) + len(response.body))
        return response if request.method != "HEAD" else Response(None, status)

    def _authorize(self, request: Request, size: int) -> None:
        state = self._core.state.upstash
        if state.token not in (bearer(request), request.query_params.get("_token")):
            raise Problem(401, {"error": "WRONGPASS invalid or missing auth token"})
        if request.method not in METHODS:
            raise Problem(405, {"error": "ERR method not allowed"})
        if size > state.db_max_request_size:
            limit = f"Limit: {state.db_max_request_size} bytes, Actual: {size} bytes"
            raise Problem(400, {"error": f"ERR max request size exceeded. {limit}"})

    async def _answer(self, request: Request, sent: bytes) -> tuple[Answer, int]:
        """Make the answer and its status: one command's error is the answer's, a pipeline's are its items'."""
        path, writes = request.scope["path"], request.method in ("POST", "PUT")
        try:
            if writes and path == "/pipeline":
                return tuple([await self._one(words) for words in _many(sent)]), 200
            if writes and path == "/multi-exec":
                return await self._transaction(_many(sent)), 200
            words = _words(_parsed(sent)) if writes and path == "/" else _from_path(request, sent)
            return await self._engine.run(words), 200
        except RedisError as error:
            return error, 400

    async def _one(self, words: list[str]) -> Reply | RedisError:
        try:
            return await self._engine.run(words)
        except RedisError as error:
            return error

    async def _transaction(self, commands: list[list[str]]) -> Answer:
        """Run commands as a transaction: nothing is run when one cannot be; what fails while it runs undoes nothing."""
        try:
            for words in commands:
                self._engine.check(words)
        except RedisError as error:
            raise RedisError(f"EXECABORT Transaction discarded because of previous errors: {error}") from None
        return tuple([await self._one(words) for words in commands])


def _parsed(sent: bytes) -> Any:
    try:
        return json.loads(sent)
    except ValueError:
        raise RedisError("ERR failed to parse command") from None


def _many(sent: bytes) -> list[list[str]]:
    found = _parsed(sent)
    if not isinstance(found, list) or not found:
        raise RedisError("ERR empty pipeline request" if found == [] else "ERR failed to parse pipeline request")
    return [_words(one) for one in found]


def _words(sent: Any) -> list[str]:
    if not isinstance(sent, list):
        raise RedisError("ERR failed to parse command")
    if not sent:
        raise RedisError("ERR empty command")
    if any(isinstance(one, bool) or not isinstance(one, str | int | float) for one in sent):
        raise RedisError("ERR unsupported arg type in the command")
    return [_whole(one) if isinstance(one, str) else json.dumps(one) for one in sent]


def _whole(text: str) -> str:
    """Replace half surrogate pairs in a text: they are no text, and JSON may hold one."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _from_path(request: Request, sent: bytes) -> list[str]:
    """Read a command from a path such as ``/set/foo/bar?EX=100``.

    What is posted is one more argument, before those of the query.
    """
    raw = (request.scope.get("raw_path") or request.scope["path"].encode()).decode("ascii")
    words = [unquote(part, errors="surrogateescape") for part in raw[1:].split("/")]
    if words == [""]:
        raise RedisError("ERR empty command")
    if request.method in ("POST", "PUT") and sent:
        words.append(sent.decode("utf-8", "surrogateescape"))
    for name, value in request.query_params.multi_items():
        words += [part for part in (name, value) if part and name != "_token"]
    return words


def _json(answer: Answer, encoded: bool) -> Any:
    if isinstance(answer, RedisError):
        return {"error": str(answer)}
    if isinstance(answer, tuple):
        return [_json(one, encoded) for one in answer]
    return {"result": _value(answer, encoded)}


def _value(answer: Any, encoded: bool) -> Any:
    if isinstance(answer, list):
        return [_value(one, encoded) for one in answer]
    if not isinstance(answer, str) or (isinstance(answer, Status) and answer == "OK"):
        return answer
    raw = answer.encode("utf-8", "surrogateescape")
    return base64.b64encode(raw).decode() if encoded else raw.decode("utf-8", "replace")


def resp2(answer: Answer) -> bytes:
    """Write the reply as a Redis client reads it from its socket."""
    if answer is None:
        return b"$-1\r\n"
    if isinstance(answer, int):
        return b":%d\r\n" % answer
    if isinstance(answer, RedisError | Status):
        return f"{'-' if isinstance(answer, RedisError) else '+'}{answer}\r\n".encode()
    if isinstance(answer, str):
        raw = answer.encode("utf-8", "surrogateescape")
        return b"$%d\r\n%s\r\n" % (len(raw), raw)
    return b"*%d\r\n" % len(answer) + b"".join(resp2(one) for one in answer)
