import { revalidatePath, revalidateTag } from "next/cache";

export function POST(request) {
  const { searchParams } = new URL(request.url);
  if (searchParams.has("tag")) revalidateTag(searchParams.get("tag"), { expire: 0 });
  if (searchParams.has("path")) revalidatePath(searchParams.get("path"));
  return Response.json({ renewed: true });
}
