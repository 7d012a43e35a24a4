import { rows } from "../../../../lib/db";

export async function GET(request, { params }) {
  const [found] = await rows('select "contentType", content from "Upload" where key = $1', (await params).key);
  if (!found) return Response.json({ error: "There is no such file" }, { status: 404 });
  return new Response(found.content, { headers: { "content-type": found.contentType, "x-robots-tag": "noindex" } });
}
