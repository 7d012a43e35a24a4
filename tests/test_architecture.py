"""The house: which package may do what, found in the syntax tree, not in the text. The floors are import-linter's."""

import ast
import functools
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.mutants import FAULTS, misplaced

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted([*(ROOT / "checks").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py"), ROOT / "tasks.py"])
FILES = [path for path in FILES if "sandbox/app" not in path.as_posix()]
OURS = ("checks", "pipeline", "tasks")
FLAT = 7
LONG = 300


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def package(path: Path) -> str:
    """The room: ``pipeline.clients`` for a module in it, ``pipeline.clock`` for a file that stands alone."""
    return ".".join(module(path).split(".")[:2])


def inside(path: Path, package: str) -> bool:
    return module(path) == package or module(path).startswith(package + ".")


NOT_SANDBOX = [path for path in FILES if not inside(path, "pipeline.sandbox")]


def imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{name.name}" for name in node.names]
            yield from names if node.module == "pipeline" else [node.module, *names]


def dotted_name(node: ast.expr) -> str:
    """``node`` as it is written; a name with dots, as nearly all are, without the general writer, which is slow."""
    parts, rest = list[str](), node
    while isinstance(rest, ast.Attribute):
        parts.append(rest.attr)
        rest = rest.value
    return ".".join([rest.id, *reversed(parts)]) if isinstance(rest, ast.Name) else ast.unparse(node)


@functools.cache
def used(path: Path) -> frozenset[str]:
    """Every dotted name that the file reads or calls, and ``.method`` for every attribute, imports written out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {
                (name.asname or name.name.split(".")[0]): (name.asname and name.name) or name.name.split(".")[0]
                for name in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            known |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
    found = set(known.values())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            dotted = dotted_name(node)
            first, _, rest = dotted.partition(".")
            found |= {f"{known.get(first, first)}.{rest}", f".{node.attr}"}
        elif isinstance(node, ast.Name):
            found.add(known.get(node.id, node.id))
    return frozenset(found)


def test_the_floors_are_kept() -> None:
    """import-linter's contracts of pyproject.toml: layers, exhaustive, and no circle; lazy imports count."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[done.stdout.find("Contracts:") :]


@pytest.mark.parametrize("path", [p for p in FILES if inside(p, "checks")], ids=module)
def test_checks_are_pure(path: Path) -> None:
    """Standard library only, and nothing of it that reads the world."""
    worldly = {"os", "pathlib", "io", "time", "random", "socket", "subprocess", "urllib.request", "asyncio", "sqlite3",
               "logging"}  # fmt: skip
    for name in imports(path):
        root = name.split(".")[0]
        assert root in sys.stdlib_module_names or root == "checks", (
            f"{name}: checks import only themselves and the stdlib"
        )
        assert root not in worldly, f"{name}: a gate looks at values, not at the world"
    assert not called(path) & {"datetime.datetime.now", "datetime.date.today", "datetime.now", "open"}


@pytest.mark.parametrize("path", [p for p in FILES if inside(p, "pipeline.clients")], ids=module)
def test_clients_know_nothing_about_gates(path: Path) -> None:
    reading = ("pipeline.sql.statements", "pipeline.sql.parts", "pipeline.sql.known", "pipeline.sql.prismaschema")
    allowed = (
        "pipeline.clients",
        "pipeline.errors",
        "pipeline.clock",
        "pipeline.environment",
        "pipeline.log",
        "pipeline.redact",
        *reading,
    )
    for name in imports(path):
        if name.split(".")[0] in OURS:
            assert name.startswith(allowed), f"{name}: a client knows its service, errors and the clock"


@pytest.mark.parametrize("path", [p for p in FILES if inside(p, "pipeline.sandbox")], ids=module)
def test_the_sandbox_shares_no_code_with_what_it_stands_in_for(path: Path) -> None:
    for name in imports(path):
        if name.split(".")[0] in OURS:
            assert name.startswith("pipeline.sandbox"), (
                f"{name}: an emulator that shares code with the client proves nothing"
            )


@pytest.mark.parametrize("path", [p for p in FILES if inside(p, "pipeline.render")], ids=module)
def test_renderers_take_data_and_return_text(path: Path) -> None:
    forbidden = ("httpx", "psycopg", "pathlib", "os", "asyncio", "subprocess", "sqlite3", "time",
                 "pipeline.clients.base")  # fmt: skip
    for name in imports(path):
        assert not any(name == one or name.startswith(one + ".") for one in forbidden), name


HOMES = {
    "the environment is read": (("os.environ", "os.getenv", "os.environb"), {"pipeline.environment"}),
    "something is printed": (("print", "sys.stdout", "sys.stderr"), {"pipeline.cli", "pipeline.log"}),
    "standard input is read": (("input", "sys.stdin"), {"pipeline.cli"}),
    "real time passes": (("asyncio.sleep", "time.sleep"), {"pipeline.clock", "pipeline.drills", "pipeline.selftest"}),
    "signals are taken": (
        ("signal.signal", ".add_signal_handler"),
        {"pipeline.cli", "pipeline.signals"},
    ),
    "reads are retried": (("tenacity",), {"pipeline.clients"}),
    "processes are started": (
        (
            "subprocess.run",
            "subprocess.Popen",
            "asyncio.create_subprocess_exec",
            "asyncio.create_subprocess_shell",
            "os.spawnve",
        ),
        {"pipeline.clients", "pipeline.drills", "pipeline.cli"},
    ),
    "databases are opened": (
        ("sqlite3.connect", "psycopg.connect", "psycopg.AsyncConnection.connect"),
        {"pipeline.clients", "pipeline.record", "pipeline.emergency", "pipeline.drills", "pipeline.selftest"},
    ),
    "connections to services are made": (
        ("httpx.AsyncClient", "httpx.Client", "urllib.request.build_opener", "urllib.request.urlopen"),
        {"pipeline.world", "pipeline.emergency"},
    ),
    "production is moved": (("vercel.promote", "vercel.roll_back"), {"pipeline.steps", "pipeline.emergency"}),
    "a process is given all that we have": (
        ("os.spawnv", "os.execv", "os.system", "os.popen", "subprocess.check_output", "subprocess.call"),
        set[str](),
    ),
    "our own modules are imported by name": (("importlib.import_module", "__import__"), set[str]()),
}
"""Side effect → the names that have it, and the packages that may. Annotations do not count as making a connection."""


@functools.cache
def called(path: Path) -> frozenset[str]:
    """The dotted names that the file calls, imports written out; and those that end so, for methods of what we hold."""
    tree, names = ast.parse(path.read_text(encoding="utf-8")), set[str]()
    known = {
        name.asname or name.name: f"{node.module}.{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            dotted = dotted_name(node.func)
            first, _, rest = dotted.partition(".")
            names.add(f"{known.get(first, first)}.{rest}" if rest else known.get(first, first))
    return frozenset(names)


@pytest.mark.parametrize("effect", HOMES)
def test_every_side_effect_has_its_homes(effect: str) -> None:
    wanted, homes = HOMES[effect]
    guilty = []
    for path in NOT_SANDBOX:
        names = called(path) if effect.startswith("connections") else used(path)
        has = any(name == one or name.endswith(f".{one.lstrip('.')}") for one in wanted for name in names)
        if has and package(path) not in homes:
            guilty.append(module(path))
    assert not guilty, f"{effect} only in {', '.join(sorted(homes)) or 'no package'}"


@pytest.mark.parametrize("effect", [name for name, (_, homes) in HOMES.items() if homes])
def test_the_homes_are_lived_in(effect: str) -> None:
    """A package that has no such effect any more is taken off the list, or the rule looks for the wrong name."""
    wanted, homes = HOMES[effect]
    lived = {
        package(path)
        for path in NOT_SANDBOX
        if any(name == one or name.endswith(f".{one.lstrip('.')}") for one in wanted for name in used(path))
    }
    assert homes <= lived


@pytest.mark.parametrize("path", [p for p in FILES if inside(p, "pipeline.cli")], ids=module)
def test_what_is_printed_leaves_by_one_door(path: Path) -> None:
    """Without secrets, others' words as mere words: ``leaving`` of ``pipeline/redact.py``. ``command`` is for ours."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write", "sys.stderr.write"):
            assert module(path) == "pipeline.cli.terminal", f"line {node.lineno}: use out, aside or command"
            assert ast.unparse(node.args[0]).startswith(("leaving(", "of_this_process()(")), f"line {node.lineno}"


def test_every_medium_has_its_cleaner() -> None:
    """Who writes to it calls the function of ``pipeline/redact.py`` that knows what is dangerous there."""
    doors = {
        "pipeline.cli.terminal": {"leaving"},
        "pipeline.cli.summary": {"leaving", "one_line"},
        "pipeline.cli.progress": {"leaving", "one_line"},
        "pipeline.cli.output": {"of_this_process"},
        "pipeline.log": {"one_line"},
        "pipeline.clients.webhook": {"chat"},
        "pipeline.clients.channels": {"chat", "one_line"},
        "pipeline.render.annotation": {"inert"},
        "pipeline.render.html": {"one_line"},
        "pipeline.render.report": {"markdown", "one_line"},
        "pipeline.render.monitor": {"markdown", "one_line"},
        "pipeline.render.merging": {"markdown", "one_line"},
        "pipeline.render.incident": {"markdown", "one_line"},
        "pipeline.documents.reviews": {"markdown"},
        "pipeline.documents.pages.drill": {"markdown", "one_line"},
    }
    for path in FILES:
        wanted = {f"pipeline.redact.{name}" for name in doors.get(module(path), ())}
        assert wanted <= called(path), module(path)


STARTING = {*HOMES["processes are started"][0]} - {"os.spawnve"}


def starts(path: Path) -> bool:
    """Whether the file starts a process. All of them have a module in their name that the text says: few are parsed."""
    return "subprocess" in path.read_text(encoding="utf-8") and bool(called(path) & STARTING)


@pytest.mark.parametrize("path", [p for p in FILES if starts(p)], ids=module)
def test_every_process_is_told_what_it_may_know(path: Path) -> None:
    """With ``env=``: what is left out inherits every secret. ``pipeline/environment.py`` has the allow-lists."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in STARTING:
            given = [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "env"]
            assert given, f"line {node.lineno}: says nothing of the environment"
            assert "os.environ" not in given[0], f"line {node.lineno}: hands on everything"


def test_the_emergency_path_loads_little() -> None:
    """Only what it cannot do without, at the top of every module it loads."""
    loaded, todo = set[str](), ["pipeline.emergency.rollback"]
    while todo:
        name = todo.pop()
        loaded.add(name)
        path = ROOT / (name.replace(".", "/") + ".py")
        if path.is_file():
            todo += [one for one in imports(path, top_only=True) if one not in loaded]
    heavy = {
        "tenacity",
        "structlog",
        "psycopg",
        "pydantic",
        "yaml",
        "yaspin",
        "termcolor",
        "starlette",
        "uvicorn",
        "sqlite3",
    }
    assert "httpx" in loaded
    assert not {name.split(".")[0] for name in loaded} & heavy


def test_few_files_stand_alone_and_none_is_named_after_the_command_line() -> None:
    flat = [path.name for path in (ROOT / "pipeline").glob("*.py") if path.name != "__init__.py"]
    assert len(flat) <= FLAT, flat
    assert not [module(path) for path in FILES if path.stem.endswith("_cli")]


def test_no_public_class_has_the_name_of_another() -> None:
    found = defaultdict(list)
    for path in NOT_SANDBOX:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(module(path))
    assert not {name: places for name, places in found.items() if len(places) > 1}


def test_the_map_is_the_house() -> None:
    """CONTRIBUTING.md has one line a package: its name, and the first line of its ``__init__``."""
    shown = dict(re.findall(r"^\| `(\S+)` \| (.*?) \|$", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M))
    packages = {
        module(path): (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
        for path in FILES
        if path.name == "__init__.py" and module(path).count(".") == 1
    }
    assert {name: words for name, words in shown.items() if name.startswith(("pipeline.", "checks."))} == packages


def test_modules_stay_small() -> None:
    """Over 300 lines is a question about the house; nothing may pass it unasked."""
    long = {module(path): n for path in FILES if (n := len(path.read_text(encoding="utf-8").splitlines())) > LONG}
    assert not long


VAGUE = {"it", "at", "one", "that", "thing", "x"}


def vaguely_named(path: Path) -> set[str]:
    """``function(parameter)`` of every parameter that is called by no noun; lambdas are one line and may."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            found |= {f"{node.name}({arg.arg})" for arg in named if arg and arg.arg in VAGUE}
    return found


def test_parameters_are_called_by_what_they_are() -> None:
    """A session is called ``session``, not ``it``."""
    guilty = {module(path): names for path in FILES if (names := vaguely_named(path))}
    assert not guilty


def is_table(node: ast.stmt) -> bool:
    """Rows of data: an assignment or return of a literal with three entries or more."""
    value = getattr(node, "value", None)
    if isinstance(value, ast.Call) and len(value.args) == 1:
        value = value.args[0]
    if not isinstance(node, ast.Assign | ast.AnnAssign | ast.Return):
        return False
    rows = value.values if isinstance(value, ast.Dict) else getattr(value, "elts", [])
    return isinstance(value, ast.Tuple | ast.List | ast.Dict | ast.Set) and len(rows) >= 3


def test_only_tables_opt_out_of_the_formatter() -> None:
    for path in [*FILES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")]:
        text = path.read_text(encoding="utf-8") if "node_modules" not in path.parts else ""
        skips = {at for at, line in enumerate(text.splitlines(), 1) if line.endswith("# fmt: skip")}
        if skips:
            tables = {n.end_lineno for n in ast.walk(ast.parse(text)) if isinstance(n, ast.stmt) and is_table(n)}
            assert skips <= tables, f"{path}: {sorted(skips - tables)}"


def test_the_planted_faults_still_have_a_place() -> None:
    """``bench/mutants.py`` plants at least sixty; each is a piece of code that stands where it says, once."""
    assert len(FAULTS) >= 60
    assert misplaced() == ()
