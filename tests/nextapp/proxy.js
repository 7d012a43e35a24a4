import { NextResponse } from "next/server";

export const config = { matcher: ["/((?!_next/static|_next/image|favicon.svg).*)"] };

/** The guard of an app: who may come in, where a path really leads, and what the pages are told. */
export function proxy(request) {
  const { pathname } = request.nextUrl;
  if (pathname.startsWith("/show/members") && !request.cookies.has("member")) {
    return NextResponse.redirect(new URL(`/login?from=${pathname}`, request.url));
  }
  if (pathname === "/show/denied") return NextResponse.json({ error: "not for you" }, { status: 403 });
  if (pathname === "/show/inside") return NextResponse.rewrite(new URL("/show/posts/first?by=proxy", request.url));
  if (pathname === "/show/fails") throw new Error("the guard fell asleep");
  const headers = new Headers(request.headers);
  headers.set("x-guard", "was here");
  headers.delete("x-secret");
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("x-proxied", request.method);
  if (pathname === "/show/still" && request.nextUrl.searchParams.has("mark")) response.cookies.set("marked", "1");
  return response;
}
