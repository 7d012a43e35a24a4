"""What the Tab key completes: commands, families, flags, and the names of targets and runs that this machine knows."""

import contextlib
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.home import ASKED, FILE, NAME, SCRIPT, TOOL, without_home

FIRST = ("help", "version", "--list", "--help", "--version", "--home", SCRIPT)
LATELY = 20
"""So many of the newest runs are offered."""
SHELLS = {
    "bash": """\
# Completes {names} in bash: eval "$({shown} {script} bash)"
_complete_deploy_runbook() {{
    local word words=() IFS=$'\\n'
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD}}"; do
        [ "$word" = = ] || words+=("$word")
    done
    COMPREPLY=($({program} {asked} "${{words[@]}}" 2>/dev/null </dev/null))
    case "${{COMPREPLY[*]}}" in *.) compopt -o nospace ;; esac
}}
complete -o default -F _complete_deploy_runbook {names}
""",
    "zsh": """\
# Completes {names} in zsh: eval "$({shown} {script} zsh)"
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}
_complete_deploy_runbook() {{
    local -a found
    found=("${{(@f)$({program} {asked} "${{(@)words[2,CURRENT]}}" 2>/dev/null </dev/null)}}")
    if [[ -z "$found" ]]; then
        _files
    else
        compadd -S '' -- ${{(M)found:#*.}}
        compadd -- ${{found:#*.}}
    fi
}}
compdef _complete_deploy_runbook {names}
""",
    "fish": """\
# Completes {names} in fish: {shown} {script} fish | source
function __complete_deploy_runbook
    set -l words (commandline -opc) (commandline -ct)
    set -l found ({program} {asked} $words[2..-1] 2>/dev/null </dev/null)
    if set -q found[1]
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
for name in {names}
    complete -c $name -f -a '(__complete_deploy_runbook)'
end
""",
}
"""Shell → the script that has the tool asked at each Tab, by the path that it has now: never what lies in a folder."""


def completion_script(shell: str, shown: str, tool: Path = TOOL) -> str:
    """The script that makes ``shell`` complete; ``shown`` is what was typed. Raises KeyError for no shell of ours."""
    program = shlex.quote(str(tool / "inv")) if (tool / "inv").is_file() else NAME
    names = f"inv {NAME}"
    return SHELLS[shell].format(program=program, shown=shown, names=names, script=SCRIPT, asked=ASKED)


def candidates(
    words: Sequence[str], contexts: Mapping[str, Any], values: Mapping[str, Callable[[], Sequence[str]]]
) -> list[str]:
    """What may stand in the place of the last of ``words``, which may be empty; nothing where a file is meant.

    ``contexts``: command → what Invoke knows of it; ``values``: name of a flag or argument → what it may be.
    """
    *before, last = without_home(list(words))[1] or [""]
    flag, equals, value = last.partition("=")
    if equals and flag.startswith("--"):  # bash splits there itself
        return [f"{flag}={one}" for one in candidates([*before, flag, value], contexts, values)]
    return [one for one in _possible(before, last, contexts, values) if one.startswith(last)]


def _possible(
    before: Sequence[str], last: str, contexts: Mapping[str, Any], values: Mapping[str, Callable[[], Sequence[str]]]
) -> Sequence[str]:
    if not before or before[0] == "help":
        return [*sorted({_family(name, last) for name in contexts}), *(() if before else FIRST)]
    if before[0] in ("--list", "-l"):
        return sorted({name.partition(".")[0] for name in contexts if "." in name})
    if before[0] == SCRIPT:
        return tuple(SHELLS)
    context = contexts.get(before[0])
    if context is None:
        return ()
    if before[-1] in context.flags and context.flags[before[-1]].takes_value:  # whose `get` knows no short ones
        return values.get(context.flags[before[-1]].name, tuple)()
    if not last.startswith("-") and context.positional_args:
        return values.get(context.positional_args[0].name, tuple)()
    return sorted({name for name in context.flags if name.startswith("--")} - {*before})


def _family(name: str, last: str) -> str:
    """A command as it is offered: of those of a family first only the family, as there are a hundred."""
    family, dot, _ = name.partition(".")
    return name if not dot or last.startswith(f"{family}.") else f"{family}."


def targets_of(home: Path) -> tuple[str, ...]:
    """The names of the targets in the home's ``deploy.yml``, read as it is; none when it cannot be read."""
    import yaml

    with contextlib.suppress(OSError, ValueError, yaml.YAMLError):
        read = yaml.load((home / FILE).read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        named = read.get("targets") if isinstance(read, dict) else None
        return tuple(map(str, named)) if isinstance(named, dict) else ()
    return ()


def runs_of(home: Path) -> tuple[str, ...]:
    """``latest`` and the newest runs of the home's own record; one that is shared is far away, and not asked."""
    from pipeline.errors import PipelineError
    from pipeline.record.journal import latest_runs
    from pipeline.record.sqlite import SqliteStore

    file = home / ".runs" / "journal.db"
    with contextlib.suppress(PipelineError, OSError):
        if file.is_file():
            with contextlib.closing(SqliteStore(file)) as store:
                return ("latest", *latest_runs(store, LATELY))
    return ("latest",)


def completed(words: Sequence[str], home: Path, contexts: Mapping[str, Any]) -> list[str]:
    """What Tab offers after ``words``, of which the last is being typed. ``contexts``: as for ``candidates``."""
    from invoke.parser.context import ParserContext

    from checks.outcome import Outcome

    values: dict[str, Callable[[], Sequence[str]]] = {
        "target": lambda: targets_of(home),
        "run": lambda: runs_of(home),
        "resume": lambda: runs_of(home)[1:],
        "outcome": lambda: [outcome.word for outcome in Outcome if " " not in outcome.word],
    }
    known = dict(contexts)
    if not any(name.startswith("check.") for name in known):  # which are loaded only when one is being typed
        known["check."] = ParserContext("check.")
    return candidates(words, known, values)
