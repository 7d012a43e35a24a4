"""A release holds no file of secrets: refused by name before a byte of it is sent."""

import json
from pathlib import Path

import pytest

from pipeline.clients.prebuilt import output_files
from pipeline.errors import BadReleaseError

PRIVATE = "-----BEGIN PRIVATE KEY-----\nMII\n"
PUBLIC = "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    put(tmp_path, ".vercel/output/config.json", '{"version": 3}')
    put(tmp_path, ".vercel/output/static/index.html", "hello")
    return tmp_path


def put(release: Path, name: str, text: str) -> None:
    (release / name).parent.mkdir(parents=True, exist_ok=True)
    (release / name).write_text(text)


@pytest.mark.parametrize("place", [".vercel/output/static", ".vercel/output/functions/api.func", "taken"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, "KEY=s3cret") for name in (".env", ".env.local", ".env.production", ".ENV", ".envrc", ".env.bak")),
        (".env", ""),
        (".env.production", "NEXT_PUBLIC_SITE=x\nSTRIPE_KEY=s3cret\n"),
        (".git/config", "[core]"),
        (".git", "gitdir: ../x"),
        ("server.pem", PRIVATE),
        ("server.pem", PUBLIC + PRIVATE),
        ("server.pem", "MII"),
        ("tls.key", PRIVATE),
        ("id_rsa", "x"),
        ("id_ed25519", "x"),
        ("id_rsa.bak", "x"),
        ("store.p12", "x"),
        (".netrc", "machine x"),
        (".npmrc", "//registry.npmjs.org/:_authToken=npm_s3cret\n"),
        (".npmrc", "registry=https://x\n_password = s3cret"),
    ],
)
def test_a_file_of_secrets_is_refused_by_its_name(release: Path, place: str, name: str, text: str) -> None:
    put(release, f"{place}/{name}", text)
    if place == "taken":  # a file of the app that a function takes along
        mapped = json.dumps({"filePathMap": {"x": f"{place}/{name}"}})
        put(release, ".vercel/output/functions/api.func/.vc-config.json", mapped)
    with pytest.raises(BadReleaseError, match="Nothing was uploaded") as said:
        output_files(release)
    assert said.value.asked == f"{place}/{name}"
    assert "s3cret" not in str(said.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".env.example", "KEY=put yours here"),
        (".env.local.example", "KEY="),
        (".env", "# for the browser\nNEXT_PUBLIC_SITE=https://x\n"),
        ("environment.js", "x"),
        ("ca.pem", PUBLIC),
        ("id_rsa.pub", "ssh-rsa AAA"),
        ("slides.key", "a presentation"),
        (".npmrc", "registry=https://x\n//x/:_authToken=${NPM_TOKEN}\n"),
        (".gitkeep", ""),
        ("node_modules/dotenv/tests/.env", "BASIC=basic"),
    ],
)
def test_what_only_looks_like_one_is_shipped(release: Path, name: str, text: str) -> None:
    put(release, f".vercel/output/static/{name}", text)
    assert f".vercel/output/static/{name}" in [file.name for file in output_files(release)]


def test_all_of_them_are_named(release: Path) -> None:
    for number in range(8):
        put(release, f".vercel/output/static/{number}/.env", "A=1")
    with pytest.raises(BadReleaseError, match=r"static/0/.env.*so are .*static/1/.env.* and 2 more"):
        output_files(release)
