"""`./inv deploy --stage build` of 5,000 small files against the real CLI's `vercel deploy --prebuilt`, with and without
`--archive=tgz`: whole cold processes, same sandbox, in turns, every deployment with files that Vercel has never seen.

Run: .venv/bin/python -m bench.upload [times] [files]      (needs node and npm; `./inv test --wide` installs the CLI)
"""

import json
import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.common import CLI, QUIET, Checkout, call, control, latency, medians

SIZE = 2_000
MOST_MB = 150


def main(times: int = 3, files: int = 5_000) -> None:
    with tempfile.TemporaryDirectory() as folder, Checkout(Path(folder) / "checkout") as checkout:
        running = checkout.running
        release = Path(folder) / "release"
        good = Path(control(running, "POST", "/releases", {"name": "good"})["folder"])
        subprocess.run(["cp", "-r", str(good), str(release)], check=True)
        linked = {"projectId": running["vercel"]["project"], "orgId": running["vercel"]["team"]}
        (release / ".vercel/project.json").write_text(json.dumps(linked))
        memory: list[int] = []

        def ours() -> float:
            fill(release, files)
            run = f"bench-{secrets.token_hex(4)}"
            flags = ["--run", run, "--from", str(release), "--commit", secrets.token_hex(20)]
            latency(running, 0)
            checkout.run("deploy", *flags, "--stage", "preflight")
            latency(running, 50)
            began = time.perf_counter()
            memory.append(peak(checkout.command("deploy", "--run", run, "--stage", "build"), checkout.environment))
            took = time.perf_counter() - began
            latency(running, 0)
            checkout.run("unlock")
            return took

        def theirs(*flags: str) -> float:
            fill(release, files)
            latency(running, 50)
            api, token = running["urls"]["vercel"], running["tokens"]["vercel"]
            words = ["node", str(CLI), "deploy", "--prebuilt", "--prod", "--skip-domain", "--yes", *flags]
            began = time.perf_counter()
            peak([*words, "--api", api, "--token", token], {**os.environ, **QUIET}, release)
            took = time.perf_counter() - began
            latency(running, 0)
            return took

        print(f"{files} new files of {SIZE} bytes, 50 ms added to every API answer, {times} times each")
        found = medians(
            times,
            {
                "./inv deploy --stage build": ours,
                "vercel deploy --archive=tgz": lambda: theirs("--archive=tgz"),
            },
        )
        once = medians(1, {"vercel deploy": theirs})
        mine = found["./inv deploy --stage build"]
        print(f"  ratio to --archive=tgz {mine / found['vercel deploy --archive=tgz']:.2f} (wanted: at most 0.8)")
        print(f"  ratio to plain         {mine / once['vercel deploy']:.3f} (wanted: at most 0.1)")
        print(f"  our peak memory        {max(memory) / 1024:.0f} MB (wanted: below {MOST_MB})")
        served(running)


def fill(release: Path, files: int) -> None:
    """``files`` new static files of SIZE bytes that do not compress to nothing."""
    folder = release / ".vercel/output/static/many"
    folder.mkdir(exist_ok=True)
    for number in range(files):
        (folder / f"{number}.js").write_text(secrets.token_hex(SIZE // 4) + "x" * (SIZE // 2))


def peak(words: list[str], env: Mapping[str, str], cwd: Path | None = None) -> int:
    """Run it; the most memory it had, in kB. Raises SystemExit when it fails."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(words, env=env, cwd=cwd, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(words)} exited {process.returncode}:\n{said.read()}")
    return usage.ru_maxrss


def served(running: Mapping[str, Any]) -> None:
    """The last of ours is whole: its last file is answered as it was written."""
    scope = f"teamId={running['vercel']['team']}&projectId={running['vercel']['project']}&target=production&limit=20"
    found = call(f"{running['urls']['vercel']}/v6/deployments?{scope}", running["tokens"]["vercel"])["deployments"]
    mine = next(one for one in found if one["meta"].get("deployRun", "").startswith("bench-"))
    names = call(
        f"{running['urls']['vercel']}/v6/deployments/{mine['uid']}/files?teamId={running['vercel']['team']}",
        running["tokens"]["vercel"],
    )
    print(f"  our last deployment is {mine['readyState']} and holds {len(names)} files")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    main(*map(int, sys.argv[1:]))
