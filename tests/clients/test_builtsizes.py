"""What is read of a build's size: its functions, its routes, its cron jobs."""

import json
import os
from pathlib import Path

from pipeline.clients.builtsizes import Sized, config_of, functions_of


def function(release: Path, name: str, **settings: object) -> Path:
    folder = release / ".vercel/output/functions" / f"{name}.func"
    folder.mkdir(parents=True)
    (folder / ".vc-config.json").write_text(json.dumps(settings))
    return folder


def test_functions_that_ask_for_something_or_are_large_are_measured_once(tmp_path: Path) -> None:
    asks = function(tmp_path, "api/asks", runtime="nodejs22.x", maxDuration=60, memory=1024)
    function(tmp_path, "api/plain", runtime="nodejs22.x")
    edge = function(tmp_path, "middleware", runtime="edge", entrypoint="index.js")
    (edge / "index.js").write_text("x" * 100_000)
    large = function(tmp_path, "api/large", runtime="nodejs22.x", filePathMap={"a.bin": "lib/a.bin", "b": "none"})
    (tmp_path / "lib").mkdir()
    with (tmp_path / "lib/a.bin").open("wb") as file:
        file.truncate(300_000_000)
    os.symlink(asks, asks.with_name("link.func"))
    found = {one.name: one for one in functions_of(tmp_path)}
    assert list(found) == ["api/asks", "api/large", "middleware"]
    assert (found["api/asks"].seconds, found["api/asks"].memory) == (60, 1024)
    config = (large / ".vc-config.json").stat().st_size
    assert found["api/large"] == Sized("api/large", "nodejs22.x", 300_000_000 + config)
    assert 0 < found["middleware"].packed < 1_000 < found["middleware"].size


def test_routes_and_cron_jobs_are_those_of_the_configuration(tmp_path: Path) -> None:
    assert config_of(tmp_path) == (0, ())
    file = tmp_path / ".vercel/output/config.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"routes": [{}, {}], "crons": [{"path": "/api/cron", "schedule": "0 3 * * *"}]}))
    assert config_of(tmp_path) == (2, (("/api/cron", "0 3 * * *"),))
