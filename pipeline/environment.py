"""The environment variables of this process, and the file that stands in for them: the only place that reads them."""

import contextlib
import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

LINES = "DEPLOY_SECRETS"
"""Lines as in ``.env``: what a workflow that is called by others cannot name, because only they know it."""


def variable(name: str, default: str = "") -> str:
    """The value of ``name``, else what a line of LINES says; ``default`` when neither has it."""
    found = os.environ.get(name)
    if not found and os.environ.get(LINES):
        found = _lines().get(name) or found
    return default if found is None else found


def _lines() -> dict[str, str | None]:
    from dotenv import dotenv_values

    return dotenv_values(stream=StringIO(os.environ[LINES]), interpolate=False)


def variable_or_file(name: str, root: Path) -> str:
    """The value of ``name``, else what the ``.env`` in ``root`` says; empty when neither has it."""
    if value := variable(name):
        return value
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if (root / ".env").is_file():
            from dotenv import dotenv_values

            return dotenv_values(root / ".env", interpolate=False).get(name) or ""
    return ""


def become(variables: Mapping[str, str]) -> None:
    """Let ``variables`` be all that this process and those that it starts know: for one that was forked."""
    os.environ.clear()
    os.environ.update(variables)


MACHINE = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_*", "XDG_*",
    "CI", "GITHUB_ACTIONS",
)  # fmt: skip
"""What every process may know: where programs and files are, and how to speak."""

OUTSIDE = (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
)  # fmt: skip
"""How to get out of this network, for a process that has to."""

NODE = (
    "NODE_OPTIONS", "NPM_CONFIG_REGISTRY", "NPM_CONFIG_CACHE", "NPM_CONFIG_USERCONFIG", "NPM_CONFIG_CAFILE",
    "npm_config_registry", "npm_config_cache", "npm_config_userconfig", "npm_config_cafile",
    "COREPACK_*", "PNPM_HOME", "NVM_DIR", "VOLTA_HOME", "ASDF_DATA_DIR",
)  # fmt: skip
"""Where Node and the package managers find themselves; no ``npm_config_…`` that may hold a token."""

TESTS = (
    *OUTSIDE, *NODE, "DRILLS", "VENDOR_SPECS", "PYTEST_ADDOPTS", "PYENV_ROOT", "PYENV_VERSION", "PIP_INDEX_URL",
    "PIP_CERT", "UV_INDEX_URL", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS", "SANDBOX_CLUSTER",
)  # fmt: skip
"""What the tests of this project read, beside what they install with."""


def for_child(*names: str, **more: str) -> dict[str, str]:
    """Make the environment of a process that we start: MACHINE, those of ``names`` that are set, and ``more``.

    Nothing else of ours goes along, so a secret that nobody thought of does not either. A name may end in ``*``.
    """
    wanted = (*MACHINE, *names)
    exact, begins = {name for name in wanted if name[-1] != "*"}, tuple(n[:-1] for n in wanted if n[-1] == "*")
    ours = {name: value for name, value in os.environ.items() if name in exact or name.startswith(begins)}
    return {**ours, **more}
