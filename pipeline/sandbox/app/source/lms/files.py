"""Files that students hand in, kept in the database."""

import email
import email.policy
import secrets

from . import data, sessions
from .http import Response

MOST_BYTES = 5_000_000
STORE = 'insert into "Upload" (key, "userId", name, "contentType", content) values (%s, %s, %s, %s, %s)'


async def upload(request):
    user = sessions.user_of(request)
    if not user:
        return Response.json({"error": "Sign in first"}, 401)
    name, kind, content = received(request)
    if not content or len(content) > MOST_BYTES:
        return Response.json({"error": f"Send a file of at most {MOST_BYTES} bytes"}, 413 if content else 400)
    key = secrets.token_urlsafe(12)
    await data.rows(STORE, key, user["id"], name, kind, content)
    return Response.json({"key": key, "url": f"/api/files/{key}"}, 201)


async def read(request):
    found = await data.row('select "contentType", content from "Upload" where key = %s', request.params["key"])
    if not found:
        return Response.json({"error": "There is no such file"}, 404)
    return Response(bytes(found["content"]), 200, found["contentType"], [("x-robots-tag", "noindex")])


def received(request):
    """(name, content type, bytes) of the first file of a form, or of the body itself."""
    kind = request.headers.get("content-type", "application/octet-stream")
    if not kind.startswith("multipart/form-data"):
        return "upload", kind, request.body
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    for part in message.iter_parts():
        if part.get_filename():
            return part.get_filename(), part.get_content_type(), part.get_payload(decode=True)
    return "", kind, b""
