export const dynamic = "force-dynamic";

async function answer(request) {
  const { pathname, search } = new URL(request.url);
  const told = { method: request.method, pathname, search, guard: request.headers.get("x-guard"), body: await request.text() };
  return Response.json(told, { status: request.method === "POST" ? 201 : 200, headers: { "x-echo": "1" } });
}

export { answer as GET, answer as POST, answer as PUT, answer as DELETE };
