import { NextResponse } from "next/server";

export const config = { matcher: ["/shop/:path*", "/api/things/:path*", "/gate"] };

/** A guard of the edge, as apps had it before `proxy`. */
export function middleware(request) {
  const { pathname } = request.nextUrl;
  if (pathname === "/gate") return new NextResponse("closed", { status: 403 });
  if (pathname.startsWith("/shop") && !request.cookies.has("basket")) {
    return NextResponse.redirect(new URL("/?from=shop", request.url));
  }
  const headers = new Headers(request.headers);
  headers.set("x-seen", pathname);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set("x-guarded", "1");
  return response;
}
