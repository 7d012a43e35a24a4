import { cookies } from "next/headers";

export async function GET() {
  const kept = await cookies();
  kept.set("first", "1", { httpOnly: true, path: "/" });
  kept.set("second", "2 b", { sameSite: "lax" });
  kept.delete("third");
  return new Response(null, { status: 204 });
}
