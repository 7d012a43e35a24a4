"""Remembers what the emulated stores hold: R2's objects, the Redis database, and what was asked of both."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stored:
    """A stored object: ``sha`` names its bytes among the blobs, ``headers`` go out with it. ``etag`` has no quotes."""

    sha: str
    size: int
    etag: str
    modified: float
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Part:
    sha: str
    size: int
    etag: str


@dataclass
class Upload:
    """A multipart upload that is not complete; ``parts`` by their number."""

    key: str
    begun: float
    headers: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)


@dataclass
class Asked:
    """A count of how often ``action`` was answered with ``status`` in the hour that begins at ``hour``."""

    action: str
    status: int
    hour: float
    requests: int = 0


FEW = 2
"""Items a page, so that whatever is listed has several pages, as it has in real projects. A test may say more."""


@dataclass
class R2:
    """What R2 remembers: one account with one bucket and one key pair.

    ``read_only``: the key pair may look, and nothing else.
    """

    account: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    bucket: str = ""
    created: float = 0
    location: str = "weur"
    read_only: bool = False
    most_listed: int = FEW
    """Keys a page at most; 1000 is R2's own limit."""
    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    cors: list[dict[str, Any]] | None = None  # as the API shows it, with placeholders


@dataclass
class Cloudflare:
    """What Cloudflare remembers of its API token.

    Its ``status`` is active, disabled or expired; only an active one is let in.
    """

    token_id: str = ""
    status: str = "active"
    expires_on: str = ""


@dataclass
class Entry:
    """A key of Redis. ``type`` is string, hash, list, set or zset; ``expires`` 0 is never.

    ``value``: a string, a dict, a list, a dict with the members as keys, a dict of scores.
    """

    type: str
    value: Any
    expires: float = 0


@dataclass
class Minute:
    """A minute, which begins at ``at``, and what was asked of Redis in it; the latencies are milliseconds."""

    at: float
    keys: int = 0
    hits: int = 0
    misses: int = 0
    commands: dict[str, int] = field(default_factory=dict)
    reads: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    bandwidth: int = 0


@dataclass
class Backup:
    """A backup of Redis. ``state``: pending, completed or failed. ``size`` in bytes."""

    id: str
    name: str
    at: float
    state: str = "completed"
    size: int = 0
    daily: bool = True


@dataclass
class Upstash:
    """The Redis database and its limits, named as the API names them; sizes in bytes.

    ``monthly_requests`` counts up to ``db_request_limit``; ``connection_count`` is what the statistics say now.
    ``slow_ms`` is how long each command takes on top. ``read_only``: the token may look, and nothing else.
    """

    database: str = ""
    name: str = ""
    token: str = ""
    email: str = ""
    api_key: str = ""
    created: float = 0
    state: str = "active"
    db_max_clients: int = 10000
    db_max_request_size: int = 10485760
    db_max_commands_per_second: int = 10000
    db_request_limit: int = 500000
    db_memory_threshold: int = 268435456
    db_disk_threshold: int = 268435456
    eviction: bool = False
    daily_backup_enabled: bool = True
    connection_count: int = 3
    monthly_requests: int = 0
    slow_ms: float = 0
    read_only: bool = False
    keys: dict[str, Entry] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    minutes: list[Minute] = field(default_factory=list)
    backups: list[Backup] = field(default_factory=list)
