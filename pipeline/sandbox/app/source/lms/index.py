"""The learning platform: which function answers which path."""

from . import courses, data, files, health, login, pages
from .http import Request, Response

ROUTES = (
    ("GET", "/", courses.catalogue),
    ("GET", "/courses/{slug}", courses.course),
    ("GET", "/login", login.page),
    ("GET", "/api/health/db", health.database),
    ("GET", "/api/auth/csrf", login.csrf),
    ("GET", "/api/auth/providers", login.providers),
    ("GET", "/api/auth/session", login.session),
    ("POST", "/api/auth/callback/credentials", login.callback),
    ("POST", "/api/auth/signout", login.sign_out),
    ("POST", "/api/upload", files.upload),
    ("GET", "/api/files/{key}", files.read),
)


async def app(scope, receive, send):
    """The ASGI entry point."""
    request = await Request.read(scope, receive)
    async with data.request():
        response = await answer(request)
    await response.send(send)


async def answer(request):
    for method, pattern, handler in ROUTES:
        if method == ("GET" if request.method == "HEAD" else request.method) and request.matches(pattern):
            return await handler(request)
    return Response.html(pages.not_found(), 404)
