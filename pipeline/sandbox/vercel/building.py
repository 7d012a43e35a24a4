"""What a "build" finds in the uploaded files: the lines of its log, and why it fails when it does."""

import json
from typing import Any

from pipeline.sandbox.core import Core
from pipeline.sandbox.state import Deployment

OUTPUT = ".vercel/output/"


def build(core: Core, one: Deployment, prebuilt: bool) -> tuple[list[str], list[str]]:
    """(log lines, error): the error is empty or (code, message)."""
    names = {entry.file: entry.sha for entry in one.files}
    log = [
        "Running build in Washington, D.C., USA (East) – iad1",
        f"Downloading {len(one.files)} deployment files...",
    ]
    if not prebuilt:
        log.append("Warning: the build command is not run here; the files must hold a finished .vercel/output")
    log.append("Using prebuilt build artifacts from .vercel/output")
    why = _refusal(core, names)
    if why:
        return [*log, f"Error: {why}"], ["BUILD_FAILED", why]
    functions = [name for name in names if name.startswith(OUTPUT + "functions/") and name.endswith(".vc-config.json")]
    static = [name for name in names if name.startswith(OUTPUT + "static/")]
    log += [f"Found {len(static)} static files and {len(functions)} functions"]
    for name in functions:
        path = name.removeprefix(OUTPUT + "functions/").removesuffix("/.vc-config.json").removesuffix(".func")
        log.append(f"Function /{path}: {_runtime(core, names[name])}")
    return [*log, "Deploying outputs...", "Deployment completed"], []


def _refusal(core: Core, names: dict[str, str]) -> str:
    if OUTPUT + "config.json" not in names:
        return f"The file {OUTPUT}config.json is missing; the upload holds {len(names)} other files"
    config = _json(core, names[OUTPUT + "config.json"])
    if not isinstance(config, dict) or config.get("version") != 3:
        version = config.get("version") if isinstance(config, dict) else None
        return f"{OUTPUT}config.json has version {version!r}; the Build Output API needs 3"
    builds = _json(core, names.get(OUTPUT + "builds.json", ""))
    if isinstance(builds, dict) and builds.get("error"):
        return f"{OUTPUT}builds.json says that the build failed"
    return ""


def _runtime(core: Core, sha: str) -> str:
    found = _json(core, sha)
    return f"runtime {found.get('runtime')}" if isinstance(found, dict) else "unreadable .vc-config.json"


def _json(core: Core, sha: str) -> Any:
    try:
        return json.loads(core.blobs.read(sha))
    except (OSError, ValueError):
        return None
