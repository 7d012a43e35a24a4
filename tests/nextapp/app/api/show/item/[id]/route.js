export async function GET(request, { params }) {
  const { id } = await params;
  if (id === "broken") throw new RangeError("the item fell down");
  return Response.json({ id });
}
