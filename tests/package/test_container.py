"""The container: what its file copies is there and no more, and, by hand, that it can be built and does its work.

By hand, where buildah is: `pytest -m live -n0 tests/package/test_container.py`. Without a registry, give it a system
with Python to stand on, packed as `CONTAINER_BASE=FILE.tar`, e.g. what `debootstrap --variant=minbase
--include=python3,python3-venv,ca-certificates bookworm DIR` makes. On a machine that is a container itself it wants
`BUILDAH_ISOLATION=chroot`.
"""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stage import ROOT
from tests.whole.test_inv import blocks

FILE = (ROOT / "Containerfile").read_text(encoding="utf-8")
LOCK = ".ci/container.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
IMAGE, BASE = "localhost/deploy-runbook-tried", os.environ.get("CONTAINER_BASE", "")
PLACE = "/home/runbook/project"
HOME = "source: {repository: shop/web}\ntargets: {sandbox: {kind: sandbox, override: {vitals: {lab: false}}}}\n"


def copied() -> set[str]:
    """What the file takes from the checkout."""
    lines = re.findall(r"^COPY (?!--from)(.+)", FILE, re.M)
    return {name for line in lines for name in line.split()[:-1]}


def test_it_copies_what_the_wheel_is_made_of_and_nothing_that_a_checkout_has_beside() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    made_of = {name.strip("/") for name in (*wheel["include"], *wheel["force-include"])}
    assert copied() == {*made_of, "pyproject.toml", "README.md", "LICENSE", ".ci/release.lock", LOCK}
    assert not [name for name in copied() if not (ROOT / name).exists()]
    named = re.findall(r"/src/(\S+\.lock)", FILE)
    assert set(named) == {".ci/release.lock", LOCK}, (
        "a secret or a record in a layer stays there, whatever is deleted later"
    )


def test_its_packages_are_those_of_the_lock_without_what_only_tests_and_lints_use() -> None:
    few, whole = blocks(LOCK), blocks("requirements.lock")
    assert {package: whole.get(package) for package in few} == few
    names = {package.partition("==")[0] for package in few}
    plain = {re.split(r"[\[>=;]", one)[0] for one in PROJECT["project"]["dependencies"]}
    extras = PROJECT["project"]["optional-dependencies"]
    plain |= {re.split(r"[\[>=;]", one)[0] for some in extras.values() for one in some} - {"deploy-runbook"}
    assert plain <= names
    tests = {re.split(r"[\[>=;]", one)[0] for one in PROJECT["dependency-groups"]["dev"]}
    assert not names & tests


def test_it_runs_as_somebody_who_is_not_root() -> None:
    assert re.findall(r"^USER (.+)", FILE, re.M) == ["1000:1000"]
    assert "--uid 1000" in FILE


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[str], Path]]:
    """The words that run a command in the container, and the project that is mounted in it."""
    folder = tmp_path_factory.mktemp("container")
    store = ["--root", str(folder / "store"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
    certificates = ["--network", "host", "--volume", "/etc/ssl/certs:/etc/ssl/certs:ro"]

    def buildah(command: str, *words: str) -> str:
        done = subprocess.run(["buildah", *store, command, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout.strip()

    (base,) = set(re.findall(r"^FROM (\S+)", FILE, re.M))
    if BASE:
        scratch = buildah("from", "scratch")
        buildah("add", scratch, BASE, "/")
        buildah("config", "--env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", scratch)
        buildah("commit", scratch, base)
    buildah(
        "bud",
        *(["--pull-never"] if BASE else []),
        *certificates,
        "-t",
        IMAGE,
        "-f",
        str(ROOT / "Containerfile"),
        str(ROOT),
    )
    project = folder / "project"
    project.mkdir()
    (project / "deploy.yml").write_text(HOME, encoding="utf-8")
    for path in (project, project / "deploy.yml"):
        os.chown(path, 1000, 1000)
    made = buildah("from", "--pull-never", IMAGE)
    yield ["buildah", *store, "run", *certificates, "--volume", f"{project}:{PLACE}", made, "--"], project
    buildah("rm", made)


@pytest.mark.live
@pytest.mark.skipif(not shutil.which("buildah"), reason="there is no buildah")
def test_it_is_built_and_deploys_and_goes_back_on_what_is_mounted(container: tuple[list[str], Path]) -> None:
    words, project = container

    def types(*command: str, code: int = 0) -> str:
        done = subprocess.run([*words, *command], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    assert types("id", "-u").strip() == "1000"
    for command in ("deploy", "rollback"):
        assert f"deploy-runbook {command} [flags]" in types("deploy-runbook", command, "--help")
    nowhere = ("--project", "p", "--team", "t", "--api", "http://127.0.0.1:1")
    assert "STRANDED" in types("env", "VERCEL_TOKEN=t", "deploy-runbook", "rollback", *nowhere, code=4)
    try:
        assert "DEPLOYED" in types("deploy-runbook", "deploy")
        assert "ROLLED BACK" in types("deploy-runbook", "rollback", "--target", "sandbox")
    finally:
        types("deploy-runbook", "sandbox", "--reset")
    assert (project / ".runs/journal.db").is_file()
    assert types("sh", "-c", "ls /src /opt/maker 2>/dev/null; true") == "", "what made it is not in it"
