import { rows } from "../../../../lib/db";

export const dynamic = "force-dynamic";

export async function GET() {
  const [{ lessons }] = await rows('select count(*)::int as lessons from "Lesson"');
  return Response.json({ ok: true, lessons });
}
