export const runtime = "edge";

export function GET() {
  const words = ["a", "b", "c"];
  const pieces = new ReadableStream({
    pull(controller) {
      if (!words.length) return controller.close();
      controller.enqueue(new TextEncoder().encode(words.shift()));
    },
  });
  return new Response(pieces, { headers: { "content-type": "text/plain" } });
}
