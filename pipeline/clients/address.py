"""Reads the address of a database as libpq reads it. None of it is ever quoted: any part may be a piece of a password.

Apps write more into it than libpq takes: Prisma's own parameters, node-pg's, those of poolers. They are left out.
"""

from dataclasses import dataclass, field
from functools import cache
from urllib.parse import parse_qsl, quote, unquote

from pipeline.errors import Mistake

SCHEMES = ("postgres", "postgresql")
SPECIAL = (
    "the user or the password holds a character that must be written with a percent sign (`%` is %25, `/` %2F, "
    "`?` %3F, `#` %23, `@` %40, a space %20)"
)
PATIENT, MOST_PATIENT = 10, 60
AGAIN = "copy it again from the Neon console"


@dataclass(frozen=True)
class Address:
    """The address of a database.

    ``url`` is what libpq takes: without the parameters that only others know; never printed. ``schema_named``: whether
    the address itself names the schema; then it rules over the role's search_path, as Prisma has it.
    """

    url: str = field(repr=False)
    schema: str = "public"
    schema_named: bool = False

    @property
    def database(self) -> str:
        return unquote(_split(self.url)[2])

    @property
    def user(self) -> str:
        return parts_of(self.url).get("user", "")

    @property
    def for_prisma(self) -> str:
        """Spell the address as a Prisma project does: with its schema."""
        if self.schema == "public":
            return self.url
        return f"{self.url}{'&' if '?' in _split(self.url, keep=True)[1] else '?'}schema={quote(self.schema)}"

    @property
    def patience(self) -> int:
        """How long a connection may take, in seconds: what the address says, within reason."""
        said = parts_of(self.url).get("connect_timeout", "")
        return min(int(said), MOST_PATIENT) if said.isdecimal() and int(said) else PATIENT

    def with_database(self, name: str) -> "Address":
        front, hosts, _, query = _split(self.url)
        url = f"{front}{hosts}/{quote(name, safe='')}" + (f"?{query}" if query else "")
        return Address(url, self.schema, self.schema_named)


def address_of(url: str, named: str = "DIRECT_URL") -> Address:
    """Read the address of a database from the variable ``named``.

    Raises Mistake, without a word of it, when it cannot be used.
    """
    scheme, separator, _ = url.partition("://")
    if scheme not in SCHEMES or not separator:
        begins = f"it begins with {scheme}://" if separator and scheme.isalnum() else "it has no scheme"
        raise Mistake(f"{named}: is no Postgres URL: {begins}, not postgresql://; {AGAIN}")
    front, hosts, database, query = _split(url)
    pairs = [pair for pair in query.split("&") if pair]
    kept = "&".join(pair for pair in _as_libpq_says(pairs) if pair.partition("=")[0] in _keywords())
    usable = f"{front}{hosts}/{database}" + (f"?{kept}" if kept else "")
    found, said = parts_of(usable, named), dict(parse_qsl(query, keep_blank_values=True))
    if any(host.partition(".")[0].endswith("-pooler") for host in found.get("host", "").split(",")):
        raise Mistake(
            f"{named}: is a Neon -pooler address; migrations need the direct one, because a session lock and"
            " transaction pooling do not mix. Remove `-pooler` from the host name"
        )
    if said.get("pgbouncer") == "true":
        raise Mistake(f"{named}: says pgbouncer=true, so it is a pooled address; migrations need the direct one")
    return Address(usable, said.get("schema") or "public", bool(said.get("schema")))


def _as_libpq_says(pairs: list[str]) -> list[str]:
    """Say in libpq's words what others say: node-pg's ``ssl=…`` and ``no-verify``, Prisma's ``sslcert`` (a CA)."""
    said = dict(pair.partition("=")[::2] for pair in pairs)
    found = []
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key == "ssl" and "sslmode" not in said:
            secure = value in ("true", "1", "no-verify", "")
            found.append("sslmode=require" if secure else "sslmode=prefer")
        elif key == "sslmode" and value == "no-verify":
            found.append("sslmode=require")
        elif key == "sslcert" and "sslkey" not in said:
            found += [] if "sslrootcert" in said else [f"sslrootcert={value}"]
        else:
            found.append(pair)
    return found


def parts_of(url: str, named: str = "the address") -> dict[str, str]:
    """The keyword → value of a URL as libpq understands it. Raises Mistake when it does not, or finds a wrong host."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError:  # its words quote what they are about
        raise Mistake(f"{named}: cannot be read: {SPECIAL}; {AGAIN}") from None
    ports = [port for port in found.get("port", "").split(",") if port]
    if not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports):
        raise Mistake(f"{named}: is no Postgres URL: its port is no number, or {SPECIAL}; {AGAIN}")
    if any(sign in found.get("host", "").lstrip("/") for sign in "@ #%?") or "@" in found.get("dbname", ""):
        raise Mistake(f"{named}: has no host that can be one: {SPECIAL}; {AGAIN}")
    return found


def _split(url: str, *, keep: bool = False) -> tuple[str, str, str, str]:
    """(scheme, user and password with the @; hosts and ports; database; query), each as it stands.

    With ``keep`` database and query stay with the hosts.
    """
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    front = f"{scheme}://{user}{at}"
    if keep:
        return front, place, "", ""
    path, _, query = place.partition("?")
    hosts, _, database = path.partition("/")
    return front, hosts, database, query


@cache
def _keywords() -> frozenset[str]:
    """What libpq takes in an address."""
    from psycopg import pq

    return frozenset(option.keyword.decode() for option in pq.Conninfo.get_defaults())


def environment(address: Address) -> dict[str, str]:
    """The environment variables by which libpq's tools connect to ``address``: no password is in a process list."""
    from psycopg import pq

    names = {option.keyword.decode(): option.envvar.decode() for option in pq.Conninfo.get_defaults() if option.envvar}
    found = {"connect_timeout": "10", **parts_of(address.url)}
    return {names[key]: value for key, value in found.items() if key in names and value}
