export default function handler(req, res) {
  const { id } = req.query;
  if (id === "away") return res.redirect(307, "/about");
  if (id === "text") return res.send("just text");
  if (id === "broken") throw new Error("no such thing");
  if (id === "stream") {
    res.write("one ");
    return setTimeout(() => res.end("two"), 20);
  }
  res.json({ id, seen: req.headers["x-seen"] ?? null });
}
