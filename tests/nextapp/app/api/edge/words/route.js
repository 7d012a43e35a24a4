export const runtime = "edge";

/** A file beside an edge function, which the build has put where `fetch` finds it. */
export async function GET() {
  const words = await fetch(new URL("./words.txt", import.meta.url));
  return new Response(await words.text());
}
