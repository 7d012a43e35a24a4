"""Does the one build that is done here: a source without a framework is served as it is, with its ``vercel.json``."""

import json
from typing import Any

from pipeline.sandbox.blobs import Blobs
from pipeline.sandbox.vercelstate import FileEntry

OUTPUT = ".vercel/output/"
PAGES = (".html", ".htm")
UNSERVED = ("vercel.json", "package.json", "package-lock.json", ".gitignore", ".vercelignore", ".vercel/", ".env")


def is_static(files: list[FileEntry], blobs: Blobs) -> bool:
    """Whether the source has pages or a ``vercel.json``, and nothing that would have to be built."""
    names = {file.file: file.sha for file in files}
    return not _builds(names, blobs) and ("vercel.json" in names or any(name.endswith(PAGES) for name in names))


def built(files: list[FileEntry], blobs: Blobs) -> list[FileEntry]:
    """Build the output of a source. Raises ValueError when ``vercel.json`` is not an object."""
    names = {file.file: file for file in files}
    settings = _json(blobs, names["vercel.json"].sha) if "vercel.json" in names else {}
    if not isinstance(settings, dict):
        raise ValueError("vercel.json is not a JSON object")
    root = str(settings.get("outputDirectory") or ("public" if any(n.startswith("public/") for n in names) else ""))
    prefix = root.strip("/") + "/" if root.strip("./") else ""
    config: dict[str, Any] = {"version": 3, "routes": [*_routes(settings), {"handle": "filesystem"}]}
    if settings.get("crons"):
        config["crons"] = settings["crons"]
    content = json.dumps(config).encode()
    served = [one for one in files if one.file.startswith(prefix) and not one.file.startswith(UNSERVED)]
    return [
        *files,
        FileEntry(OUTPUT + "config.json", blobs.put(content), len(content)),
        *(FileEntry(f"{OUTPUT}static/{one.file.removeprefix(prefix)}", one.sha, one.size, one.mode) for one in served),
    ]


def _routes(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Take ``routes`` as they are, and the redirects and headers whose ``source`` is a plain path."""
    found = list(settings.get("routes") or [])
    for rule in settings.get("headers") or []:
        headers = {str(pair["key"]): str(pair["value"]) for pair in rule["headers"]}
        found.append({"src": rule["source"], "headers": headers, "continue": True})
    for rule in settings.get("redirects") or []:
        status = rule.get("statusCode") or (307 if rule.get("permanent") is False else 308)
        found.append({"src": rule["source"], "status": status, "headers": {"Location": rule["destination"]}})
    return found


def _builds(names: dict[str, str], blobs: Blobs) -> bool:
    package = _json(blobs, names["package.json"]) if "package.json" in names else {}
    return isinstance(package, dict) and bool((package.get("scripts") or {}).get("build"))


def _json(blobs: Blobs, sha: str) -> Any:
    try:
        return json.loads(blobs.read(sha))
    except (OSError, ValueError):
        return None
