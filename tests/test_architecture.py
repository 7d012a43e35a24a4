"""Who may import whom, and the one home of every side effect."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted([*(ROOT / "checks").rglob("*.py"), *(ROOT / "pipeline").rglob("*.py"), ROOT / "tasks.py"])
FILES = [path for path in FILES if "sandbox/app" not in path.as_posix()]
OURS = ("checks", "pipeline", "tasks")


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path, *, top_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{name.name}" for name in node.names]
            yield from names if node.module == "pipeline" else [node.module, *names]


def inside(path: Path, package: str) -> bool:
    return module(path) == package or module(path).startswith(package + ".")


@pytest.mark.parametrize("path", [p for p in FILES if inside(p, "checks")], ids=module)
def test_checks_are_pure(path: Path) -> None:
    """Standard library only, and nothing of it that reads the world."""
    worldly = {
        "os",
        "pathlib",
        "io",
        "time",
        "random",
        "socket",
        "subprocess",
        "urllib.request",
        "asyncio",
        "sqlite3",
        "logging",
    }
    for name in imports(path):
        root = name.split(".")[0]
        assert root in sys.stdlib_module_names or root == "checks", (
            f"{name}: checks import only themselves and the stdlib"
        )
        assert root not in worldly, f"{name}: a gate looks at values, not at the world"
    source = path.read_text(encoding="utf-8")
    assert "datetime.now(" not in source
    assert "open(" not in source


@pytest.mark.parametrize("path", [p for p in FILES if inside(p, "pipeline.clients")], ids=module)
def test_clients_know_nothing_about_gates(path: Path) -> None:
    reading = ("pipeline.sql.statements", "pipeline.sql.parts", "pipeline.sql.known")
    allowed = ("pipeline.clients", "pipeline.errors", "pipeline.world", "pipeline.log", *reading)
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
    forbidden = (
        "httpx",
        "psycopg",
        "pathlib",
        "os",
        "asyncio",
        "subprocess",
        "sqlite3",
        "time",
        "pipeline.clients.base",
    )
    for name in imports(path):
        assert not any(name == one or name.startswith(one + ".") for one in forbidden), name


HOMES = {
    "os.environ": {"pipeline.terminal", "pipeline.config", "pipeline.target", "pipeline.execute",
                   "pipeline.emergency_cli", "pipeline.emergency_access", "pipeline.release_source",
                   "pipeline.diagnosis", "pipeline.drills.world"},
    "print(": {"pipeline.terminal", "pipeline.progress"},
    "add_signal_handler": {"pipeline.execute"},
    "import tenacity": {"pipeline.clients.base"},
}  # fmt: skip


@pytest.mark.parametrize("effect", HOMES)
def test_every_side_effect_has_one_home(effect: str) -> None:
    for path in FILES:
        if effect in path.read_text(encoding="utf-8") and not inside(path, "pipeline.sandbox"):
            assert module(path) in HOMES[effect], f"{effect} in {module(path)}"


def test_only_steps_and_the_emergency_change_production() -> None:
    for path in FILES:
        source = path.read_text(encoding="utf-8")
        if inside(path, "pipeline.sandbox"):
            continue
        if "vercel.promote(" in source or "vercel.roll_back(" in source:
            assert inside(path, "pipeline.steps") or module(path) == "pipeline.emergency", module(path)


def test_only_the_runner_and_the_emergency_wait() -> None:
    for path in FILES:
        if "clock.sleep(" in path.read_text(encoding="utf-8") and not inside(path, "pipeline.sandbox"):
            assert module(path) in {
                "pipeline.runner", "pipeline.emergency", "pipeline.clients.base", "pipeline.clients.migrator",
                "pipeline.clients.prismalock", "pipeline.steps.alert", "pipeline.incidents.walk",
                "pipeline.incidents.looking", "pipeline.drills.play",
                "pipeline.incident_cli",
            }, module(path)  # fmt: skip


def test_the_emergency_path_loads_little() -> None:
    """Only what it cannot do without, at the top of every module it loads."""
    loaded, todo = set[str](), ["pipeline.emergency_cli"]
    while todo:
        name = todo.pop()
        loaded.add(name)
        path = ROOT / (name.replace(".", "/") + ".py")
        if path.is_file():
            todo += [one for one in imports(path, top_only=True) if one not in loaded]
    heavy = {"tenacity", "structlog", "psycopg", "pydantic", "yaml", "rich", "starlette", "uvicorn", "sqlite3"}
    assert not {name.split(".")[0] for name in loaded} & heavy


def test_there_are_no_import_cycles() -> None:
    graph = {
        module(path): {name for name in imports(path, top_only=True) if name.split(".")[0] in OURS} for path in FILES
    }

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join([*trail, name])
        if name not in done:
            for one in graph.get(name, ()):
                if one != name:
                    visit(one, (*trail, name))
            done.add(name)

    done = set[str]()
    for name in graph:
        visit(name, ())


def test_modules_stay_small() -> None:
    """Over 300 lines is a question about the house; nothing may pass it unasked."""
    long = {module(path): n for path in FILES if (n := len(path.read_text(encoding="utf-8").splitlines())) > 360}
    assert not long
