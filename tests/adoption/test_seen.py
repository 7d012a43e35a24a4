"""What a folder shows of its app: small layouts with the traits of real repositories."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.adoption.folder import look
from pipeline.adoption.routes import routes
from pipeline.adoption.seen import Seen, seen_in
from pipeline.adoption.signin import auth_of
from pipeline.errors import Mistake
from tests.adoption.layouts import CREDENTIALS, MONOREPO, PAGE, SCHEMA, SHOP, folder, package


def seen(files: dict[str, str], **changes: str) -> Seen:
    return seen_in(folder({**files, **changes}))


def test_a_usual_app_is_seen_whole() -> None:
    found = seen(SHOP)
    assert (found.repository, found.branch, found.project, found.team) == ("acme/shop", "main", "prj_1", "team_1")
    assert (found.next, found.manager, found.node, found.routers, found.front) == (
        "15.4.1",
        "npm",
        "22",
        ("app",),
        True,
    )
    assert found.health
    assert (found.health.path, found.health.names_build, found.health.asks_data) == ("/api/health", True, True)
    assert found.auth
    assert (found.auth.library, found.auth.page, found.auth.by_password) == ("NextAuth 4", "/enter", True)
    assert found.auth.providers == ("credentials", "google")
    assert found.database
    assert (found.database.schema, found.database.migrations) == ("prisma/schema.prisma", "prisma/migrations")
    assert found.database.variables == ("DATABASE_URL", "DIRECT_URL")
    assert found.listed == ("DATABASE_URL", "STRIPE_KEY")


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ('{"git": {"deploymentEnabled": false}}', True),
        ('{"git": {"deploymentEnabled": {"main": false}}}', True),
        ('{"git": {"deploymentEnabled": {"dev": false}}}', False),
        ('{"git": {"deploymentEnabled": true}}', False),
        ('{"git": 7}', False),
        ("no json", False),
    ],
)
def test_whether_vercel_is_kept_from_shipping_a_push(text: str, held: bool) -> None:
    assert seen(SHOP, **{"vercel.json": text}).held is held


def test_of_a_monorepo_the_app_and_what_it_is_made_of_count() -> None:
    found = seen(MONOREPO)
    assert (found.place, found.name, found.others, found.workspace, found.manager) == (
        *("apps/web", "web", (), "Turborepo", "pnpm"),
    )
    assert (found.sign_in, found.front) == ("/sign-in", True)
    assert found.health
    assert found.health.path == "/api/status"
    assert not found.health.names_build
    assert found.auth
    assert (found.auth.library, found.auth.version) == ("Better Auth", 0)
    assert found.database
    assert (found.database.schema, found.database.migrations) == ("packages/db/schema", "packages/db/history")
    assert found.database.variables == ("DATABASE_URL", "DIRECT_DATABASE_URL")
    assert (found.services.sentry_organization, found.services.sentry_project) == ("acme-inc", "acme-web")
    assert found.services.upstash
    assert found.demanded == ("STORE_KEY",)
    assert "NOT_OF_THE_APP" not in found.variables


def test_between_two_apps_a_person_chooses_and_the_choice_counts() -> None:
    two = {
        **MONOREPO,
        "apps/viewer/package.json": package("viewer", {"next": "16"}),
        "apps/viewer/pages/index.tsx": PAGE,
    }
    assert seen(two).others == ("apps/web", "apps/viewer")
    chosen = seen_in(folder(two), "apps/viewer/")
    assert (chosen.place, chosen.others, chosen.database, chosen.auth) == ("apps/viewer", (), None, None)
    with pytest.raises(Mistake, match=r"no Next\.js app in apps/api"):
        seen_in(folder(two), "apps/api")


def test_a_folder_of_a_monorepo_finds_its_lock_file_above() -> None:
    inner = {path.removeprefix("apps/web/"): text for path, text in MONOREPO.items() if path.startswith("apps/web/")}
    found = seen_in(folder(inner, above=("pnpm-lock.yaml", "turbo.json")))
    assert (found.manager, found.workspace) == ("pnpm", "Turborepo")


def test_what_is_no_next_app_is_refused() -> None:
    with pytest.raises(Mistake, match=r"no Next\.js app"):
        seen({"package.json": package("remix", {"react-router": "7"}), "app/root.tsx": PAGE})
    with pytest.raises(Mistake, match=r"no Next\.js app"):
        seen({"package.json": "[1, 2"})


@pytest.mark.parametrize(
    ("file", "route"),
    [
        ("app/page.tsx", "/"),
        ("src/app/(marketing)/(inner)/page.jsx", "/"),
        ("app/[lang]/login/page.tsx", "/login"),
        ("app/app.acme.com/(auth)/login/page.tsx", "/login"),
        ("app/shop/[[...rest]]/page.tsx", "/shop"),
        ("pages/index.js", "/"),
        ("pages/auth/signin/index.tsx", "/auth/signin"),
        ("pages/api/health.ts", "/api/health"),
        ("app/shop/[id]/page.tsx", None),
        ("app/_parts/page.tsx", None),
        ("app/@modal/login/page.tsx", None),
        ("app/shop/(.)cart/page.tsx", None),
        ("app/shop/layout.tsx", None),
        ("pages/_app.tsx", None),
        ("pages/[slug].tsx", None),
        ("pages/api/auth/[...nextauth].ts", None),
        ("components/app/page.tsx", None),
    ],
)
def test_the_route_of_a_file(file: str, route: str | None) -> None:
    assert [found.path for found in routes([file])] == ([route] if route else [])


def test_a_base_path_is_in_front_of_every_route() -> None:
    found = seen(SHOP, **{"next.config.mjs": 'export default { basePath: "/shop" }\n'})
    assert found.health
    assert found.auth
    assert (found.health.path, found.auth.path, found.front) == ("/shop/api/health", "/shop/api/auth", True)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("health/db", True),
        ("healthz", True),
        ("public/health", True),
        ("heartbeat", True),
        ("domains/status", False),
        ("webhooks/vendor/health", False),
        ("healthy-food", False),
    ],
)
def test_what_is_taken_for_a_health_check(path: str, is_one: bool) -> None:
    files = {name: text for name, text in SHOP.items() if "health" not in name}
    assert (seen({**files, f"app/api/{path}/route.ts": PAGE}).health is not None) is is_one


@pytest.mark.parametrize(
    ("wanted", "version", "secret", "url"),
    [
        ("^4.24.11", 4, "NEXTAUTH_SECRET", "NEXTAUTH_URL"),
        ("5.0.0-beta.25", 5, "AUTH_SECRET", ""),
        ("beta", 5, "AUTH_SECRET", ""),
    ],
)
def test_the_two_generations_of_nextauth(wanted: str, version: int, secret: str, url: str) -> None:
    found = auth_of({"next-auth": wanted}, {"src/app/api/auth/[...nextauth]/route.ts": CREDENTIALS})
    assert found
    assert (found.version, found.secret, found.url) == (version, secret, url)


def test_a_password_is_only_for_credentials_with_the_usual_id_and_fields() -> None:
    for text in (
        CREDENTIALS.replace("CredentialsProvider({", 'CredentialsProvider({ id: "wallet",'),
        CREDENTIALS.replace("password: {", "token: {"),
    ):
        found = auth_of({"next-auth": "4"}, {"pages/api/auth/[...nextauth].ts": text})
        assert found
        assert not found.by_password
    assert auth_of({"next-auth": "4"}, {"lib/mail.ts": "next-auth"}) is None, "a package that nothing answers with"


def test_other_databases_are_called_what_they_are() -> None:
    mysql = seen(SHOP, **{"prisma/schema.prisma": SCHEMA.replace("postgresql", "mysql")}).database
    assert mysql
    assert not mysql.is_postgres
    files = {path: text for path, text in SHOP.items() if "prisma" not in path}
    wants = {"next": "15", "drizzle-orm": "1", "@neondatabase/serverless": "1"}
    drizzle = seen({**files, "package.json": package("shop", wants)}).database
    assert drizzle
    assert (drizzle.by, drizzle.on_neon, drizzle.migrations) == ("Drizzle", True, "")
    assert seen({**files, "package.json": package("shop", {"next": "15"})}).database is None


def test_several_schema_files_and_the_key_of_package_json() -> None:
    files = {path: text for path, text in SHOP.items() if not path.startswith("prisma/")}
    files["data/schema/base.prisma"], files["data/migrations/1/migration.sql"] = SCHEMA, ""
    wants = {"next": "15", "@prisma/client": "6"}
    found = seen({**files, "package.json": package("shop", wants, prisma={"schema": "./data/schema"})}).database
    assert found
    assert (found.schema, found.migrations) == ("data/schema", "data/migrations")


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("https://github.com/acme/shop.git", "acme/shop"),
        ("https://github.com/acme/shop", "acme/shop"),
        ("ssh://git@github.com/acme/my.shop.git", "acme/my.shop"),
        ("git@gitlab.com:acme/shop.git", ""),
        ("", ""),
    ],
)
def test_the_repository_is_read_from_the_remote(remote: str, name: str) -> None:
    assert seen_in(folder(SHOP, remote)).repository == name


def written(place: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    return place


def test_of_env_files_no_value_is_kept_and_what_is_installed_is_not_looked_at(tmp_path: Path) -> None:
    more = {"node_modules/next/package.json": package("next", {"next": "1"}), ".env.local": "TOKEN='sk_live_1'\n"}
    found = look(written(tmp_path, {**SHOP, **more}))
    assert found.text(".env.local") == "TOKEN"
    assert not [text for text in found.texts.values() if "sk_" in text]
    assert not [path for path in found.paths if "node_modules" in path]
    assert replace(seen_in(found), repository="acme/shop") == seen(SHOP)


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
def test_git_is_asked_for_the_remote_and_the_branch(tmp_path: Path) -> None:
    place = written(tmp_path / "repository", SHOP)
    for words in ("init -q -b trunk", "remote add origin https://github.com/acme/shop"):
        subprocess.run(
            ["git", *words.split()], cwd=place, check=True, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        )
    found = look(place)
    assert (found.remote, found.branch) == ("https://github.com/acme/shop", "trunk")
