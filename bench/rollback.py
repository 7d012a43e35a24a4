"""`./inv rollback` as a whole cold process against `vercel rollback` of the real CLI, same sandbox, in turns.

Run: .venv/bin/python -m bench.rollback [times]      (needs node and npm; `./inv test --wide` installs the CLI)
"""

import sys
import time

from bench.common import CLI, INV, QUIET, call, control, latency, medians, sandbox, timed


def main(times: int = 7) -> None:
    with sandbox() as running:
        api, token = running["urls"]["vercel"], running["tokens"]["vercel"]
        vercel = running["vercel"]
        control(running, "POST", "/state", {"timing": {"alias": 0}})  # measure the clients, not the platform's own time
        scope = f"teamId={vercel['team']}&projectId={vercel['project']}"
        newest, before = (
            one["uid"] for one in call(f"{api}/v6/deployments?{scope}&target=production&limit=2", token)["deployments"]
        )

        def promoted() -> None:
            """Put the newest one live again, so that there is something to take back."""
            added = control(running, "GET", "/faults")["faults"]
            control(running, "DELETE", "/faults")
            domain = running["urls"]["production"].partition("://")[2]
            alias = f"{api}/v4/aliases/{domain}?teamId={vercel['team']}"
            if call(alias, token)["deploymentId"] != newest:
                call(
                    f"{api}/v10/projects/{vercel['project']}/promote/{newest}?teamId={vercel['team']}",
                    token,
                    "POST",
                    {},
                )
            while call(alias, token)["deploymentId"] != newest:
                time.sleep(0.05)
            for one in added:
                control(running, "POST", "/faults", {"fault": one["text"]})

        def ours() -> float:
            promoted()
            flags = ["--project", vercel["project"], "--team", vercel["team"], "--api", api]
            return timed([INV, "rollback", *flags], {"VERCEL_TOKEN": token})

        def theirs() -> float:
            promoted()
            flags = ["--yes", "--api", api, "--token", token, "--scope", vercel["team"]]
            return timed(["node", str(CLI), "rollback", before, *flags], QUIET)

        for ms, limit in ((0, 0.24), (50, 0.33)):
            latency(running, ms)
            print(f"rollback, {ms} ms added to every API answer, {times} times each")
            found = medians(times, {"./inv rollback": ours, "vercel rollback": theirs})
            ratio = found["./inv rollback"] / found["vercel rollback"]
            print(f"  ratio {ratio:.2f} (wanted: at most {limit})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
