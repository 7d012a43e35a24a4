"""Requests and responses, as small as this app needs them."""

import json
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl


class Request:
    """One request, read completely. Header names are lower case; ``params`` come from the path."""

    def __init__(self, method, path, query, headers, body):
        self.method, self.path, self.body, self.headers = method, path, body, headers
        self.query = dict(parse_qsl(query))
        self.params = {}
        try:
            self.cookies = {name: one.value for name, one in SimpleCookie(headers.get("cookie", "")).items()}
        except CookieError:
            self.cookies = {}

    @classmethod
    async def read(cls, scope, receive):
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        return cls(scope["method"], scope["path"], scope.get("query_string", b"").decode(), headers, body)

    def matches(self, pattern):
        """Whether the path is of the form ``/courses/{slug}``; keeps the parts in ``params``."""
        wanted, given = pattern.split("/"), self.path.split("/")
        if len(wanted) != len(given):
            return False
        params = {}
        for one, part in zip(wanted, given):
            if one.startswith("{") and part:
                params[one[1:-1]] = part
            elif one != part:
                return False
        self.params = params
        return True

    def form(self):
        if self.headers.get("content-type", "").startswith("application/json"):
            return json.loads(self.body)
        return dict(parse_qsl(self.body.decode(errors="replace")))


class Response:
    def __init__(self, body=b"", status=200, content_type="text/plain; charset=utf-8", headers=()):
        self.body, self.status = body, status
        self.headers = [("content-type", content_type), ("content-length", str(len(body))), *headers]

    @classmethod
    def html(cls, text, status=200, headers=()):
        return cls(text.encode(), status, "text/html; charset=utf-8", headers)

    @classmethod
    def json(cls, value, status=200, headers=()):
        return cls(json.dumps(value).encode(), status, "application/json", [("cache-control", "no-store"), *headers])

    @classmethod
    def redirect(cls, location, headers=()):
        return cls(b"", 302, headers=[("location", location), *headers])

    def cookie(self, name, value, seconds=None):
        age = "" if seconds is None else f"; Max-Age={seconds}"
        self.headers.append(("set-cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}"))
        return self

    async def send(self, send):
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})
