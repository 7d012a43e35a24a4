"""What a folder shows of its app: small layouts with the traits of real repositories."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.adoption.folder import look
from pipeline.adoption.keys import deploy_yml
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
        "/",
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
    assert (found.sign_in, found.front) == ("/sign-in", "/")
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


ONE_VERSION = {
    "package.json": package("root", {"next": "15.2.0", "next-auth": "4", "prisma": "6.5.0"}),
    "nx.json": "{}",
    "apps/shop/next.config.js": "",
    "apps/shop/src/app/page.tsx": PAGE,
    "apps/shop/src/pages/api/auth/[...nextauth].ts": CREDENTIALS,
    "apps/api/main.ts": "",
    "libs/data/prisma/schema.prisma": SCHEMA,
}
"""As Nx has it: one package on top wants everything, for all apps below it."""


@pytest.mark.parametrize("named", [False, True])
def test_an_app_whose_packages_are_wanted_on_top_is_found(named: bool) -> None:
    found = seen(ONE_VERSION, **({"apps/shop/package.json": package("shop-web")} if named else {}))
    assert (found.place, found.name, found.next, found.workspace) == (
        *("apps/shop", "shop-web" if named else "shop", "15.2.0", "Nx"),
    )
    assert found.auth
    assert found.auth.by_password
    assert found.database
    assert (found.database.schema, found.database.wanted) == ("libs/data/prisma/schema.prisma", "6.5.0")
    with pytest.raises(Mistake, match=r"no Next\.js app"):
        seen({name: text for name, text in ONE_VERSION.items() if "next.config" not in name})


def test_an_app_that_is_not_where_it_was_said_to_be_is_named_beside_those_that_are() -> None:
    with pytest.raises(Mistake, match=r"no Next\.js app in apps/nothere: there is apps/web"):
        seen_in(folder(MONOREPO), "apps/nothere")


def test_a_version_that_a_catalog_has_is_that_one() -> None:
    pnpm = "packages: [apps/*]\ncatalog: {next: 16.3.0}\ncatalogs: {data: {'@prisma/client': ^7.1.0}}\n"
    web = package("web", {"next": "catalog:", "@prisma/client": "catalog:data", "react": "catalog:never"})
    found = seen({"pnpm-workspace.yaml": pnpm, "apps/web/package.json": web, "apps/web/next.config.ts": ""})
    assert found.database
    assert (found.next, found.database.wanted) == ("16.3.0", "7.1.0")
    bun = package("root", {}, workspaces={"packages": ["apps/*"], "catalog": {"next": "16.1.0"}})
    default = package("web", {"next": "catalog:default"})
    files = {"package.json": bun, "apps/web/package.json": default, "apps/web/next.config.ts": ""}
    assert seen(files).next == "16.1.0"
    broken = {**files, "pnpm-workspace.yaml": "a: [1", "apps/web/package.json": web}
    assert seen(broken).next == "catalog:", "as it stands there"


def test_a_version_that_a_catalog_above_has_is_that_one(tmp_path: Path) -> None:
    """`init` and `doctor` are pointed at one app of a monorepo, whose catalog stands on top."""
    (tmp_path / ".git").mkdir()
    web = tmp_path / "apps/web"
    (web / "app").mkdir(parents=True)
    (web / "app/page.tsx").touch()
    (web / "package.json").write_text(package("web", {"next": "catalog:", "@prisma/client": "catalog:data"}))
    (web / "prisma").mkdir()
    (web / "prisma/schema.prisma").write_text('datasource db {\n  provider = "postgresql"\n}\n')
    (tmp_path / "pnpm-workspace.yaml").write_text(
        "catalog: {next: 16.3.0}\ncatalogs: {data: {'@prisma/client': ^7.1.0}}\n"
    )
    found = seen_in(look(web))
    assert found.database
    assert (found.next, found.database.wanted) == ("16.3.0", "7.1.0")
    (web.parent / "package.json").write_text(package("root", {}, workspaces={"catalog": {"next": "16.1.0"}}))
    assert seen_in(look(web)).next == "16.1.0"
    (tmp_path / "pnpm-workspace.yaml").write_text("a: [1")
    assert seen_in(look(web)).next == "catalog:", "as it stands there"
    (tmp_path / ".git").rmdir()
    (tmp_path / "pnpm-workspace.yaml").write_text("catalog: {next: 16.3.0}\n")
    assert seen_in(look(web)).next == "catalog:", "what lies above is of no repository"


PG = "dialect: 'postgresql',\nout: './lib/m',\ndbCredentials: { url: process.env.POSTGRES_URL! }"
TURSO = 'dialect: "turso",\ndbCredentials: { url: env.DATABASE_URL, authToken: env.TOKEN }'
INDIRECT = "dbCredentials: { url: direct }\n}\nconst direct = process.env.PG_URL.replace('6543', '5432')"


@pytest.mark.parametrize(
    ("config", "kind", "variable", "migrations"),
    [
        (PG, "postgresql", "POSTGRES_URL", "lib/m"),
        (TURSO, "turso", "DATABASE_URL", ""),
        (INDIRECT, "", "PG_URL", ""),
        ("", "", "", ""),
    ],
)
def test_drizzle_says_which_database_it_is(config: str, kind: str, variable: str, migrations: str) -> None:
    files = {path: text for path, text in SHOP.items() if "prisma" not in path}
    wants = package("shop", {"next": "15", "drizzle-orm": "^0.45.0"})
    found = seen(files, **{"package.json": wants, "drizzle.config.ts": config, "lib/m/0000.sql": ""}).database
    assert found
    assert (found.by, found.wanted, found.kind, found.migrations) == ("Drizzle", "0.45.0", kind, migrations)
    assert found.variables == ((variable,) if variable else ())


def test_of_several_addresses_the_one_that_a_migration_takes_first_is_taken() -> None:
    config = (
        "const address =\n  process.env.PREVIEW_DATABASE_URL ||\n  process.env.DIRECT_URL ||\n"
        "  process.env.DATABASE_URL;\nexport default defineConfig({ datasource: {\n  url: address,\n} });\n"
    )
    files = {**SHOP, "prisma/schema.prisma": 'datasource db {\n  provider = "postgresql"\n}\n'}
    found = seen(files, **{"prisma.config.ts": config}).database
    assert found
    assert found.variables == ("DATABASE_URL", "DIRECT_URL")


def test_supabase_is_a_database_too_and_prisma_comes_before_it() -> None:
    files = {path: text for path, text in SHOP.items() if "prisma" not in path}
    found = seen(files, **{"package.json": package("shop", {"next": "15", "@supabase/supabase-js": "2"})}).database
    assert found
    assert found.by == "Supabase"


def test_what_production_demands_is_demanded_and_what_has_another_way_is_not() -> None:
    text = (
        "export const env = createEnv({\n  server: {\n    AUTH_SECRET:\n"
        '      process.env.NODE_ENV === "production"\n        ? z.string().min(1)\n'
        "        : z.string().min(1).optional(),\n"
        '    MAIL_KEY: process.env.NODE_ENV === "production" ? z.string().optional() : z.string(),\n'
        '    QUIET: z.stringbool().catch(false),\n    SELF_HOST: z.stringbool().prefault("false"),\n'
        "    LAST_KEY: z.string(),\n  },\n})\n"
    )
    assert seen(SHOP, **{"src/env.ts": text}).demanded == ("AUTH_SECRET", "LAST_KEY")


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("export const config: VercelConfig = {\n  git: { deploymentEnabled: false },\n};\n", True),
        ("export const config = { git: { deploymentEnabled: { main: false } } };\n", True),
        ("export const config = { git: { deploymentEnabled: { 'main': false, dev: true } } };\n", True),
        ("export const config = { git: { deploymentEnabled: { domain: false, main: true } } };\n", False),
        ("export const config = { git: { deploymentEnabled: true } };\n", False),
        ("export const config = {};\n", False),
    ],
)
def test_a_program_may_stand_for_vercel_json(text: str, held: bool) -> None:
    files = {path: text for path, text in SHOP.items() if path != "vercel.json"}
    found = seen(files, **{"vercel.ts": text})
    assert (found.held, found.vercel_file) == (held, "vercel.ts")


def test_the_fields_that_a_sign_in_takes_apart_are_those_of_a_password_sign_in() -> None:
    guest = "Credentials({ id: 'guest', credentials: {}, async authorize() { return guest } }),"
    people = "Credentials({ credentials: {}, async authorize({ email, password }: any) { return check(email) } }),"
    for text, by_password in ((people + guest, True), (guest + people, True), (guest, False)):
        found = auth_of({"next-auth": "5"}, {"app/api/auth/[...nextauth]/route.ts": "next-auth " + text})
        assert found
        assert found.by_password is by_password


def test_an_app_without_a_name_is_called_as_its_repository_is() -> None:
    assert seen(SHOP, **{"package.json": '{"dependencies": {"next": "15"}}'}).name == "shop"
    assert seen_in(folder({**SHOP, "package.json": '{"dependencies": {"next": "15"}}'}, remote="")).name == "shop"


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
    assert (found.health.path, found.auth.path, found.front) == ("/shop/api/health", "/shop/api/auth", "/shop")


HANDLER = "app/api/auth/[...nextauth]/route.ts"


@pytest.mark.parametrize("named", ["/enter", "/shop/enter"])
def test_pages_below_a_base_path_are_asked_for_where_they_are(named: str) -> None:
    options = f'import NextAuth from "next-auth"; export default NextAuth({{ pages: {{ signIn: "{named}" }} }})'
    files = {"next.config.mjs": 'export default { basePath: "/shop" }\n', "auth.ts": options, HANDLER: "export {}"}
    found = seen(
        {"package.json": package("shop", {"next": "15.4.1", "next-auth": "5.0.0"}), "app/page.tsx": ""}, **files
    )
    assert (found.front, found.sign_in) == ("/shop", "/shop/enter")
    assert [line.strip() for line in deploy_yml(found)[0].splitlines() if "{path:" in line] == [
        "- {path: /shop}",
        "- {path: /shop/enter}",
    ]


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
