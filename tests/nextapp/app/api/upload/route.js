import { randomBytes } from "node:crypto";
import { getServerSession } from "next-auth";
import { authOptions } from "../../../lib/auth";
import { rows } from "../../../lib/db";

const MOST_BYTES = 5_000_000;
const STORE = 'insert into "Upload" (key, "userId", name, "contentType", content) values ($1, $2, $3, $4, $5)';

export async function POST(request) {
  const session = await getServerSession(authOptions);
  if (!session) return Response.json({ error: "Sign in first" }, { status: 401 });
  const file = (await request.formData()).get("file");
  if (!file?.size || file.size > MOST_BYTES) {
    return Response.json({ error: `Send a file of at most ${MOST_BYTES} bytes` }, { status: file?.size ? 413 : 400 });
  }
  const key = randomBytes(9).toString("base64url");
  const content = Buffer.from(await file.arrayBuffer());
  await rows(STORE, key, session.user.id, file.name, file.type || "application/octet-stream", content);
  return Response.json({ key, url: `/api/files/${key}` }, { status: 201 });
}
