"""Pretends to build the uploaded files: writes the lines of the log, and why the build fails when it does."""

import json
from typing import Any

from pipeline.sandbox.core import Core
from pipeline.sandbox.vercel import archive, limits, remote, static
from pipeline.sandbox.vercelstate import Deployment, FileEntry

OUTPUT = ".vercel/output/"
CONFIG = "/.vc-config.json"


def build(core: Core, deployment: Deployment, prebuilt: bool) -> None:
    """Set the deployment's files, log and error; the error is empty or (code, message)."""
    deployment.log = [
        "Running build in Washington, D.C., USA (East) – iad1",
        f"Downloading {len(deployment.files)} deployment files...",
    ]
    try:
        deployment.files = _prepared(core, deployment, prebuilt)
        deployment.log += _found(core, {entry.file: entry.sha for entry in deployment.files})
    except (archive.Unpackable, ValueError, KeyError, TypeError) as error:
        deployment.log.append(f"Error: {error}")
        deployment.error = ["BUILD_FAILED", str(error)]
    else:
        deployment.log += ["Deploying outputs...", "Deployment completed"]


def _prepared(core: Core, deployment: Deployment, prebuilt: bool) -> list[FileEntry]:
    """Prepare the files: with the archive unpacked, and with the output of a build when that is done here."""
    files = deployment.files
    if archive.is_archived(files):
        files = archive.unpacked(files, core.blobs)
        deployment.log.append(f"Unpacked {len(files)} files from the archive")
    if prebuilt or any(entry.file == OUTPUT + "config.json" for entry in files):
        if not prebuilt:
            deployment.log.append(
                "Warning: the build command is not run here; the files hold a finished .vercel/output"
            )
        deployment.log.append("Using prebuilt build artifacts from .vercel/output")
        return files
    if static.is_static(files, core.blobs):
        deployment.log.append("No framework was found; the files are served as they are")
        return static.built(files, core.blobs)
    if remote.has_command(files, core.blobs):
        deployment.log.append('Running "npm run build"')
        return remote.built(files, core.blobs)
    return files


def _found(core: Core, names: dict[str, str]) -> list[str]:
    """Write log lines about the output. Raises ValueError that says why it is refused."""
    why = _refusal(core, names)
    if why:
        raise ValueError(why)
    functions = [name for name in names if name.startswith(OUTPUT + "functions/") and name.endswith(".vc-config.json")]
    pages = [name for name in names if name.startswith(OUTPUT + "static/")]
    log = [f"Found {len(pages)} static files and {len(functions)} functions"]
    for name in functions:
        path = name.removeprefix(OUTPUT + "functions/").removesuffix("/.vc-config.json").removesuffix(".func")
        log.append(f"Function /{path}: {_runtime(core, names[name])}")
    return log


def crons(core: Core, deployment: Deployment) -> list[dict[str, str]]:
    """List ``{path, schedule}`` of each cron job in the deployment's output."""
    sha = next((entry.sha for entry in deployment.files if entry.file == OUTPUT + "config.json"), "")
    config = _json(core, sha)
    found = config.get("crons") if isinstance(config, dict) else None
    listed = [entry for entry in found or [] if isinstance(entry, dict)]
    return [{"path": str(entry.get("path")), "schedule": str(entry.get("schedule"))} for entry in listed]


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
    return _past_limits(core, config, names)


def _past_limits(core: Core, config: dict[str, Any], names: dict[str, str]) -> str:
    folders = {name.rpartition("/")[0]: _json(core, sha) for name, sha in names.items() if name.endswith(CONFIG)}
    settings = {_name(folder): found for folder, found in folders.items() if isinstance(found, dict)}

    def code(function: str) -> bytes:
        sha = names.get(f"{OUTPUT}functions/{function}.func/{settings[function].get('entrypoint')}")
        return core.blobs.read(sha) if sha else b""

    return limits.refusal(core.state.vercel.plan, config, settings, code)


def _name(folder: str) -> str:
    return folder.removeprefix(OUTPUT + "functions/").removesuffix(".func")


def _runtime(core: Core, sha: str) -> str:
    found = _json(core, sha)
    return f"runtime {found.get('runtime')}" if isinstance(found, dict) else "unreadable .vc-config.json"


def _json(core: Core, sha: str) -> Any:
    try:
        return json.loads(core.blobs.read(sha))
    except (OSError, ValueError):
        return None
