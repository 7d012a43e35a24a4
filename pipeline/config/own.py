"""The gates of the home's own, in its folder ``gates/``: a Python file with gates, or a YAML file that is a command."""

import dataclasses
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from checks.gate import Change, Gate, worst
from checks.healthy import healthy
from checks.own import CommandGate, answer_of
from checks.policy import Policy
from checks.procedure import Procedure
from pipeline.config.document import Loader, dotted, duplicates, in_words, line_of, yaml_mistake
from pipeline.errors import Mistake
from pipeline.signals import stopped_after

FOLDER = "gates"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\.[a-z][a-z0-9]*(-[a-z0-9]+)*")
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
LONGEST, LOADING = 180.0, 10.0  # seconds


@dataclasses.dataclass(frozen=True)
class StoppingAnswer(Policy):
    """An answer of the command that stops a run: its exit code, and what it prints."""

    situation: str
    exit: int = 1
    prints: str = ""


@dataclasses.dataclass(frozen=True)
class CommandFile(Policy):
    """``gates/FAMILY.NAME.yml``: a gate that is a command, run in the home's folder. Texts are Markdown."""

    title: str
    why: str
    by_hand: str
    if_it_fails: str
    owner: str
    stage: str
    command: tuple[str, ...]
    """The program and its arguments; no shell reads them."""
    stops_when: tuple[StoppingAnswer, ...]
    timeout: float = 30.0
    """At most 3m; after that it could not look."""
    environment: tuple[str, ...] = ()
    """The variables that it is given, from the environment or `.env`."""


def own_gates(home: Path) -> tuple[Gate, ...]:
    """The gates of ``home``, by their files' names. Raises Mistake listing what is wrong in them, by file and line."""
    mistakes, found = list[str](), list[Gate]()
    for path in sorted(home.glob(f"{FOLDER}/[!_.]*")):
        read = {".py": _of_python, ".yml": _of_yaml, ".yaml": _of_yaml}.get(path.suffix)
        if read is None or not path.is_file():
            continue
        name = f"{FOLDER}/{path.name}"
        try:
            text = path.read_text(encoding="utf-8")
            found += [_named(gate, text) for gate in read(name, path.name.removesuffix(path.suffix), text)]
        except Mistake as mistake:
            mistakes.append(str(mistake))
        except (OSError, UnicodeDecodeError) as error:
            mistakes.append(f"{name}:1: cannot be read: {error}")
    names = [gate.name for gate in found]
    mistakes += [f"{gate.place}: there are two gates {gate.name}" for gate in found if names.count(gate.name) > 1]
    mistakes += [line for gate in found for line in _unproved(gate)]
    if mistakes:
        raise Mistake("\n".join(mistakes))
    return tuple(found)


def _named(gate: Gate, text: str) -> Gate:
    gate.text = text
    return gate


def _unproved(gate: Gate) -> Iterator[str]:
    """Why ``gate`` was not seen to pass and to stop."""
    where = f"{gate.place}: {gate.name}"
    if not gate.stage:
        yield f'{where}: says no stage; write e.g. @gate(owner="…", stage="preflight")'
    if not gate.examples:
        yield f"{where}: has no example that stops it; write {gate.name.partition('.')[2]}.stops_when(…)"
    try:
        values = healthy(gate.name)
        strange = [kind.__name__ for kind in gate.inputs.values() if kind not in values]
        if strange or not gate.inputs:
            yield f"{where}: asks for {', '.join(strange) or 'nothing'}; a gate asks for evidence or policies of ours"
            return
        with stopped_after(LOADING):
            if worst(gate.ask(values)).stops:
                yield f"{where}: stops when all is well"
            mild = [one.situation for one in gate.examples if not worst(gate.ask_example(one, values)).stops]
        yield from (f"{where}: does not stop when {situation}" for situation in mild)
    except (Exception, SystemExit) as bug:
        yield f"{where}: {type(bug).__name__}: {bug}"


def _of_python(name: str, family: str, text: str) -> Iterator[Gate]:
    module = types.ModuleType(f"{FOLDER}.{family}")
    module.__file__ = name
    sys.modules[module.__name__] = module  # where its own types are looked up
    try:
        with stopped_after(LOADING):
            exec(compile(text, name, "exec"), module.__dict__)  # noqa: S102 - the home's own code
    except SyntaxError as error:
        raise Mistake(f"{name}:{error.lineno or 1}: is not Python: {error.msg}") from error
    except (Exception, SystemExit) as bug:
        raise Mistake(f"{name}:{_line_in(name, bug)}: {type(bug).__name__}: {bug}") from bug
    gates = [value for value in vars(module).values() if isinstance(value, Gate)]
    own = [gate for gate in dict.fromkeys(gates) if gate.judge.__module__ == module.__name__]
    if not own:
        raise Mistake(f"{name}:1: has no gate; a file that is none begins with _")
    for gate in own:
        gate.place = f"{name}:{gate.judge.__code__.co_firstlineno}"
        yield gate


def _line_in(name: str, bug: BaseException) -> int:
    """The last line of the file that was being run."""
    trace, line = bug.__traceback__, 1
    while trace:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == name else line
        trace = trace.tb_next
    return line


def _of_yaml(name: str, stem: str, text: str) -> Iterator[Gate]:
    from pydantic import TypeAdapter, ValidationError

    if not NAME.fullmatch(stem):
        raise Mistake(
            f"{name}:1: the file is called as its gate, FAMILY.NAME.yml, e.g. {FOLDER}/licences.are-known.yml"
        )
    try:
        tree, raw = yaml.compose(text, Loader), yaml.load(text, Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise Mistake(yaml_mistake(name, error)) from error
    mistakes = list(duplicates(tree, name))
    try:
        file = TypeAdapter(CommandFile).validate_python(raw)
    except ValidationError as error:
        said = [(item["loc"], in_words(item)) for item in error.errors(include_url=False)]
        mistakes += [f"{name}:{line_of(tree, path) or 1}: {dotted(path)}: {says}" for path, says in said]
        raise Mistake("\n".join(mistakes)) from error
    made = CommandGate(
        stem,
        file.stage,
        Procedure(" ".join(file.title.split()), file.why, file.by_hand, file.if_it_fails, file.owner),
        file.command,
        file.timeout,
        file.environment,
    )
    made.place = f"{name}:1"
    wrong = [*_wrong(file), *_examples(made, file)]
    mistakes += [f"{name}:{line_of(tree, path)}: {dotted(path)}: {says}" for path, says in wrong]
    if mistakes:
        raise Mistake("\n".join(mistakes))
    yield made


def _wrong(file: CommandFile) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The path of each value that cannot be meant, and why."""
    texts = ("title", "why", "by_hand", "if_it_fails", "owner", "stage")
    yield from (((key,), "is empty") for key in texts if not getattr(file, key).strip())
    if not file.command or not file.command[0]:
        yield ("command",), "has no program"
    if not 0 < file.timeout <= LONGEST:
        yield ("timeout",), f"is {file.timeout:g} s; at most {LONGEST:g}"
    for number, variable in enumerate(file.environment):
        if not VARIABLE.fullmatch(variable):
            yield ("environment", number), f"is {variable!r}, which is no name of a variable"


def _examples(gate: CommandGate, file: CommandFile) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Give ``gate`` its examples; the path of each that is no answer."""
    for number, stop in enumerate(file.stops_when):
        try:
            gate.stops_when(stop.situation, _instead(answer_of(stop.exit, stop.prints)))
        except ValueError as error:
            yield ("stops_when", number), f"is no answer: {error}"


def _instead(answer: Any) -> Change:
    return lambda well: (answer,)
