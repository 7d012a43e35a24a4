import { rows } from "../../../../lib/db";

const LATEST = `select migration_name from _prisma_migrations
where finished_at is not null and rolled_back_at is null order by started_at desc limit 1`;

export const dynamic = "force-dynamic";

export async function GET() {
  const build = { commit: process.env.VERCEL_GIT_COMMIT_SHA, deployment: process.env.VERCEL_DEPLOYMENT_ID };
  const headers = { "cache-control": "no-store" };
  try {
    const [latest] = await rows(LATEST);
    return Response.json({ status: "ok", database: "ok", ...build, schema: latest?.migration_name ?? null }, { headers });
  } catch (error) {
    return Response.json({ status: "error", database: "error", error: error.message, ...build }, { status: 503, headers });
  }
}
