"""Environment variables: names yes, values never."""

from dataclasses import dataclass, replace

from checks.amounts import amount
from checks.evidence.base import Evidence


@dataclass(frozen=True)
class Variable:
    """An environment variable without its value; what could be seen of the value is in the flags."""

    name: str
    readable: bool
    """False for Vercel's *sensitive* type, whose value nobody can read back."""
    length: int = 0
    shapes: frozenset[str] = frozenset()
    """Which of ``url``, ``postgres``, ``redis``, ``email`` it looks like, ``placeholder`` when nobody filled it in, and how it was
    pasted: with a ``newline`` or ``blank`` around it, ``quoted``, with a newline written as ``\\n`` after it (``escaped``),
    within a ``command``, after its own name (``named``), with a character in it that cannot be seen (``invisible``)."""
    host: str = ""
    """The host of a URL."""
    sslmode: str = ""
    """What a Postgres URL says about TLS."""
    updated: int = 0
    """When it was last changed, ms since 1970."""
    branch: str = ""
    """The Git branch that alone gets this value; empty: all of them."""
    pooled: bool = False
    """Whether a database URL goes through a pooler, as its address says."""
    endpoint: str = ""
    """The id of the Neon compute of a database URL; empty when it is not Neon's."""
    neon_branch: str = ""
    """The Neon branch of that compute, when it is another one than production's."""


@dataclass(frozen=True)
class EnvironmentVariables(Evidence):
    """Variables set on the target. Source: GET /v10/projects/{project}/env and /v1/projects/{project}/env/{id}"""

    target: str
    variables: tuple[Variable, ...]
    elsewhere: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(name, targets) of those that only other targets have."""
    serving: tuple[str, ...] = ()
    """The hosts that serve the target; empty when it has no domains of its own."""
    redirects: tuple[tuple[str, str], ...] = ()
    """(host, where it sends its visitors) of the domains that serve nothing themselves."""

    @property
    def names(self) -> frozenset[str]:
        """The names of the variables that every branch of the target gets."""
        return frozenset(variable.name for variable in self.variables if not variable.branch)

    def without(self, name: str) -> "EnvironmentVariables":
        """Give the same evidence as if the variable ``name`` was never set."""
        return replace(self, variables=tuple(v for v in self.variables if v.name != name))

    def brief(self) -> str:
        return f"{amount(len(self.variables), 'variable')} on {self.target}"


@dataclass(frozen=True)
class ChangedVariables(Evidence):
    """Variables whose value today is not what the live build has. Values are compared by HMAC under a key that is
    thrown away. Source: GET /v3/env/pull/{deployment}/production against GET /v1/projects/{project}/env/{id}"""

    names: tuple[str, ...]
    unseen: tuple[str, ...]
    """Those whose value nobody can read back."""


@dataclass(frozen=True)
class PulledVariables(Evidence):
    """What was pulled from Vercel for the build, compared with what is set now; no values.

    Source: ``.vercel/.env.{target}.local`` and the files of the release; GET /v3/env/pull/{project}/{target}
    """

    file: str
    """The file that the build read, relative to the release; empty when there is none."""
    removed: tuple[str, ...] = ()
    """Names that stand in it and are no longer set: pulling into a file that is there adds, and takes nothing away."""
    outdated: tuple[str, ...] = ()
    """`NEXT_PUBLIC_` names that are set to something else now, or do not stand in it at all."""
    hidden: tuple[str, ...] = ()
    """Names of the sensitive type: Vercel gives a text in place of their value."""
    disputed: tuple[str, ...] = ()
    """Names whose value the readers of such files disagree about: it holds a double quote or a dollar sign."""
    built_in: tuple[str, ...] = ()
    """Files of the release that hold that text in place of a sensitive value."""
    other: str = ""
    """The file of another target that was pulled instead, when there is none for this one."""

    def brief(self) -> str:
        return f"built with {self.file}" if self.file else "no pulled file beside the release"


@dataclass(frozen=True)
class ReadVariables(Evidence):
    """Variables that the code reads: name and the first file. Source: the release's files"""

    names: tuple[tuple[str, str], ...]
