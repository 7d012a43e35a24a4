"""Refuses an address by which a secret would leave this machine unencrypted: plain HTTP, and Postgres without TLS.

Nothing of an address is quoted: any part of it may be a piece of a password.
"""

from collections.abc import Collection
from urllib.parse import parse_qsl, urlsplit

from pipeline.clients.address import SCHEMES, parts_of
from pipeline.clock import is_here
from pipeline.errors import Mistake

PLAIN = ("http", "json", "xml", "form")  # the last three are Apprise's names for HTTP
TLS = ("require", "verify-ca", "verify-full")
UNLESS = "; if nobody else can read what is sent on the way there, add its host to `unencrypted:` in deploy.yml"


def must_be_encrypted(named: str, address: str, allowed: Collection[str] = ()) -> None:
    """Raises Mistake when ``address``, which stands in ``named``, leads off this machine without encryption.

    ``allowed``: the hosts that deploy.yml excepts. Several addresses are separated by blanks.
    """
    for each in [address] if address.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)) else address.split():
        scheme = each.partition("://")[0].lower()
        if scheme in SCHEMES and not _postgres_is_safe(named, each, allowed):
            raise Mistake(
                f"{named}: leads to another machine without TLS, so the password and all data could be read on the way;"
                f" add sslmode=require to it (?sslmode=require, or &sslmode=require after other parameters){UNLESS}"
            )
        if scheme in PLAIN and not _stays(_host(each), allowed):
            secure = "https" if scheme == "http" else f"{scheme}s"
            raise Mistake(
                f"{named}: begins with {scheme}:// and leads to another machine, so what is secret could be read on the"
                f" way; write {secure}://{UNLESS}"
            )


def _postgres_is_safe(named: str, url: str, allowed: Collection[str]) -> bool:
    """Whether TLS is certain, or no host is far. libpq's default, ``prefer``, falls back to none without a word."""
    front, at, place = url.rpartition("@")
    path, _, query = place.partition("?")
    said = {key: value for key, value in parse_qsl(query) if key in ("sslmode", "host", "hostaddr", "service")}
    found = {**parts_of(f"{front}{at}{path}", named), **said}
    hosts = (found.get("hostaddr") or found.get("host") or found.get("service") or "localhost").split(",")
    return found.get("sslmode") in TLS or all(_stays(host, allowed) for host in hosts)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _stays(host: str, allowed: Collection[str]) -> bool:
    """Whether ``host`` is this machine, or deploy.yml excepts it."""
    return is_here(host) or host.startswith("/") or host.lower().strip("[]") in allowed
