export const config = { runtime: "edge" };

export default async function handler(request) {
  return new Response(`quick ${new URL(request.url).searchParams.get("name")}`, { status: 202, headers: { "x-edge": "1" } });
}
