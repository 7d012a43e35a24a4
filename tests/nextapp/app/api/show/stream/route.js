export function POST() {
  const encoder = new TextEncoder();
  const pieces = new ReadableStream({
    async start(controller) {
      for (const word of ["one ", "two ", "three"]) {
        controller.enqueue(encoder.encode(word));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      controller.close();
    },
  });
  return new Response(pieces, { headers: { "content-type": "text/plain; charset=utf-8" } });
}
