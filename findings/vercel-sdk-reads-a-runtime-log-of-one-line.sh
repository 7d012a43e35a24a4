#!/bin/sh
# @vercel/sdk 1.28.35, `logs.getRuntimeLogs`: the API answers with a stream, a JSON object a line ("Returns a stream of logs
# for a given deployment"; application/stream+json). The SDK reads the answer to its end and gives all of it to one
# JSON.parse. So it understands a log of exactly one line: a deployment that nobody has asked anything yet (no line), and
# one that two requests have reached (two lines), end in a SyntaxError and not in a log.
#
# Seen (Node.js 20.20.2): 0 lines "SyntaxError: Unexpected end of JSON input"; 1 line read; 2 lines "SyntaxError: Unexpected
# non-whitespace character after JSON at position …".
# This script fails when the SDK reads one of the other two, or no longer the one.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @vercel/sdk@1.28.35 >/dev/null
cat >read.mjs <<'JAVASCRIPT'
import { createServer } from "node:http";
import { Vercel } from "@vercel/sdk";

const line = (row) => JSON.stringify({
  rowId: `${row}`, timestampInMs: 1764374400000 + row, level: "info", message: "ready", messageTruncated: false,
  source: "serverless", domain: "shop.example", requestMethod: "GET", requestPath: "/", responseStatusCode: 200,
}) + "\n";
let lines = 0;
const api = createServer((_, answer) => {
  answer.writeHead(200, { "content-type": "application/stream+json" });
  answer.end(Array.from({ length: lines }, (_, row) => line(row)).join(""));
}).listen(0, "127.0.0.1", async () => {
  const vercel = new Vercel({ bearerToken: "x", serverURL: `http://127.0.0.1:${api.address().port}` });
  const seen = [];
  for (; lines < 3; lines++) {
    try {
      const read = await vercel.logs.getRuntimeLogs({ projectId: "prj", deploymentId: "dpl" });
      seen.push("read");
      console.log(lines, "lines:", read.message);
    } catch (error) {
      seen.push(error.name);
      console.log(lines, "lines:", `${error.name}: ${error.message}`);
    }
  }
  api.close();
  process.exitCode = seen.join() === "SyntaxError,read,SyntaxError" ? 0 : 1;
});
JAVASCRIPT
node read.mjs
