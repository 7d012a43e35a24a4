export const config = { api: { bodyParser: false } };

export default async function handler(req, res) {
  let size = 0;
  for await (const piece of req) size += piece.length;
  res.json({ size });
}
