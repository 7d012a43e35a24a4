export default function handler(req, res) {
  res.setHeader("x-api", "hello");
  res.status(req.method === "POST" ? 201 : 200).json({ method: req.method, query: req.query, body: req.body ?? null, cookies: req.cookies });
}
