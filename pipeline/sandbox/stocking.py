"""Stocks the stores when they open: a few uploads in R2, a few counters in Redis, last night's backup."""

import hashlib
import secrets
import uuid

from pipeline.sandbox.core import Core
from pipeline.sandbox.r2.objects import META
from pipeline.sandbox.seed import VARIABLES
from pipeline.sandbox.state import State
from pipeline.sandbox.storestate import R2, Backup, Cloudflare, Entry, Stored, Upstash
from pipeline.sandbox.vercelstate import Variable

DAY = 86400.0
WINDOW_SECONDS = DAY
KEY_PAIR = ("R2_ACCOUNT_ID", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY", "R2_BUCKET")
CORS = {
    "id": "uploads from the app", "maxAgeSeconds": 3600, "exposeHeaders": ["ETag"],
    "allowed": {"origins": ["http://{{PRODUCTION}}"], "methods": ["GET", "PUT"], "headers": ["content-type"]},
}  # fmt: skip
LIMITED = {"ip:203.0.113.7": 3, "ip:198.51.100.24": 1, "login:dana@lms.example.com": 2}
UPLOADS = {
    "avatars/1.svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="8"/></svg>'),
    "courses/1/syllabus.md": ("text/markdown", b"# Databases\n\nTwelve lessons.\n"),
    "courses/1/lesson 1.txt": ("text/plain; charset=utf-8", "Was ist ein Schlüssel?\n".encode()),
    "submissions/1/essay.txt": ("text/plain; charset=utf-8", b"Why I like indexes.\n" * 40),
    "submissions/2/answers.json": ("application/json", b'{"1": "B", "2": "D"}'),
}


def stock(core: Core) -> None:
    """Open the stores once: on the first day, or when a world from before there were stores is opened again.

    The keys and tokens are those of the project's variables; from then on the stores' own count, so that a variable
    can be wrong.
    """
    state = core.state
    if state.r2.bucket:
        return
    state.tokens.setdefault("cloudflare", secrets.token_hex(20))
    for name in ("R2_ENDPOINT", "UPSTASH_REDIS_REST_URL"):
        _set(state, name, VARIABLES[name], core.now())
    known = {one.key: one.value for one in state.vercel.env}
    began, now = state.vercel.created, core.now()
    account, key_id, secret, bucket = (known.get(name) or secrets.token_hex(16) for name in KEY_PAIR)
    state.r2 = R2(account, key_id, secret, bucket, began, cors=[CORS])
    for index, (key, (kind, content)) in enumerate(UPLOADS.items()):
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        headers = {"content-type": kind, META + "uploaded-by": str(index + 1)}
        state.r2.objects[key] = Stored(core.blobs.put(content), len(content), etag, now - (9 - index) * DAY, headers)
    state.cloudflare = Cloudflare(secrets.token_hex(16))
    state.upstash = _redis(known.get("UPSTASH_REDIS_REST_TOKEN") or secrets.token_hex(28), began, now)


def _set(state: State, key: str, value: str, now: float) -> None:
    for variable in state.vercel.env:
        if variable.key == key:
            variable.value = value
            return
    id = f"env_{state.next_id()}"
    state.vercel.env.append(Variable(id, key, value, "encrypted", ["production", "preview"], now))


def _redis(token: str, began: float, now: float) -> Upstash:
    """Fill a database in which the app's rate limiter has been counting until just now."""
    window = int(now // WINDOW_SECONDS)
    until = (window + 2) * WINDOW_SECONDS
    keys = {f"@upstash/ratelimit:{who}:{window}": Entry("string", str(count), until) for who, count in LIMITED.items()}
    keys["courses:popular"] = Entry("zset", {"1": 41.0, "2": 17.0, "3": 8.0})
    keys["flags"] = Entry("hash", {"uploads": "on", "new-editor": "off"})
    backup = Backup(str(uuid.uuid4()), "daily", now - 0.3 * DAY, size=4096)
    return Upstash(
        str(uuid.uuid4()),
        "lms",
        token,
        "dana@lms.example.com",
        str(uuid.uuid4()),
        began,
        monthly_requests=41_207,
        keys=keys,
        backups=[backup],
    )
