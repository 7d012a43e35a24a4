"""Small layouts of our own with the traits that real Next.js repositories have."""

import json
from collections.abc import Mapping

from pipeline.adoption.folder import VARIABLE, Folder

PAGE = "export default function Page() { return null }\n"
HEALTH = (
    "export async function GET() {\n  await prisma.$queryRaw`select 1`\n"
    "  return Response.json({ commit: process.env.VERCEL_GIT_COMMIT_SHA })\n}\n"
)
SCHEMA = (
    'datasource db {\n  provider  = "postgresql"\n  url       = env("DATABASE_URL")\n'
    '  directUrl = env("DIRECT_URL")\n}\n'
)
CREDENTIALS = """\
import CredentialsProvider from "next-auth/providers/credentials";
import GoogleProvider from "next-auth/providers/google";
export const options = {
  pages: { signIn: "/enter" },
  providers: [
    CredentialsProvider({ credentials: { email: { type: "email" }, password: { type: "password" } } }),
    GoogleProvider({ clientId: process.env.GOOGLE_ID }),
  ],
};
"""


def package(name: str, wants: Mapping[str, str] | None = None, **more: object) -> str:
    return json.dumps({"name": name, "dependencies": dict(wants or {}), **more})


def folder(
    files: Mapping[str, str], remote: str = "git@github.com:acme/shop.git", above: tuple[str, ...] = ()
) -> Folder:
    """The folder as ``look`` would give it: of ``.env…`` files the names alone."""
    texts = {
        path: "\n".join(VARIABLE.findall(text)) if path.rpartition("/")[2].startswith(".env") else text
        for path, text in files.items()
    }
    return Folder("shop", tuple(sorted(files)), texts, remote, "main", frozenset(above))


SHOP = {
    "package.json": package("shop", {"next": "15.4.1", "next-auth": "^4.24.0", "@prisma/client": "^6.9.0"}),
    "package-lock.json": "{}",
    "next.config.mjs": "export default {}\n",
    ".nvmrc": "v22\n",
    "app/page.tsx": PAGE,
    "app/(people)/enter/page.tsx": PAGE,
    "app/courses/[id]/page.tsx": PAGE,
    "app/api/health/route.ts": HEALTH,
    "app/api/auth/[...nextauth]/route.ts": CREDENTIALS,
    "prisma/schema.prisma": SCHEMA,
    "prisma/migrations/migration_lock.toml": 'provider = "postgresql"\n',
    ".env.example": 'DATABASE_URL="postgres://"\nSTRIPE_KEY=sk_not_to_be_seen\n',
    "vercel.json": '{"git": {"deploymentEnabled": {"main": false}}}',
    ".vercel/project.json": '{"projectId": "prj_1", "orgId": "team_1"}',
}
"""One app, with everything where it usually is."""

MONOREPO = {
    "package.json": package("root", {}, workspaces=["apps/*", "packages/*"]),
    "turbo.json": "{}",
    "pnpm-workspace.yaml": "packages: [apps/*, packages/*]\n",
    "pnpm-lock.yaml": "",
    "apps/docs/package.json": package("docs", {"next": "16.0.0"}),
    "apps/docs/next.config.ts": "",
    **{f"apps/docs/app/api/{name}/route.ts": HEALTH for name in ("health", "search", "feedback", "og")},
    "apps/web/package.json": package(
        "@acme/web", {"next": "^16.1.0", "@acme/db": "workspace:*", "better-auth": "1.2.0"}
    ),
    "apps/web/next.config.ts": 'import { withSentryConfig } from "@sentry/nextjs";\n'
    'export default withSentryConfig({}, {\n  org: "acme-inc",\n  project: "acme-web",\n});\n',
    "apps/web/src/app/[locale]/page.tsx": PAGE,
    "apps/web/src/app/[locale]/sign-in/page.tsx": PAGE,
    "apps/web/src/app/api/status/route.ts": "export const GET = () => new Response()\n",
    "apps/web/src/app/api/domains/status/route.ts": PAGE,
    "apps/web/src/env.ts": "export const env = createEnv({\n  server: {\n    STORE_KEY: z.string().min(1),\n"
    "    MAIL_FROM: z.string().optional(),\n  },\n  runtimeEnv: {\n    STORE_KEY: process.env.STORE_KEY,\n  },\n})\n",
    "packages/db/package.json": package("@acme/db", {"prisma": "7.2.0", "@sentry/nextjs": "9", "@acme/cache": "*"}),
    "packages/db/prisma.config.ts": "export default defineConfig({\n  schema: path.join(__dirname, 'schema'),\n"
    "  migrations: { path: './history' },\n  datasource: { url: process.env.DIRECT_DATABASE_URL },\n});\n",
    "packages/db/schema/main.prisma": 'datasource db {\n  provider = "postgresql"\n}\n',
    "packages/db/history/20260101_first/migration.sql": "select 1;",
    "packages/db/index.ts": "new Client(process.env.DATABASE_URL)\n",
    "packages/cache/package.json": package("@acme/cache", {"@upstash/redis": "1", "@acme/db": "*"}),
    "packages/unrelated/package.json": package("@acme/unrelated", {"@clerk/nextjs": "5"}),
    "packages/unrelated/index.ts": "process.env.NOT_OF_THE_APP\n",
}
"""Several apps and packages: what the app is made of counts, and nothing else."""
