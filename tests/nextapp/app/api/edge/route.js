export const runtime = "edge";

export function GET(request) {
  return Response.json({ runtime: typeof EdgeRuntime, search: request.nextUrl.search, agent: request.headers.get("x-agent") });
}

export async function POST(request) {
  const { words } = await request.json();
  return new Response(words.join(" "), { status: 202, headers: { "x-words": String(words.length) } });
}
