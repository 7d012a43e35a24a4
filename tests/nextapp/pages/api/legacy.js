export default async function legacy(req, res) {
  if (req.query.renew) await res.revalidate(req.query.renew);
  res.status(req.method === "POST" ? 201 : 200).json({ query: req.query, body: req.body, cookies: req.cookies });
}
