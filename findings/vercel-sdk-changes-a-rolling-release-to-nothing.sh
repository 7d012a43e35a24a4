#!/bin/sh
# @vercel/sdk 1.28.35, `rollingRelease.updateRollingReleaseConfig`: the one operation that sets the stages of rolling releases
# takes no stages. Its request knows idOrName, teamId and slug, and what it sends is a PATCH without a body, whatever it is
# given. It is generated from Vercel's published API description, which has no request body for that operation; the endpoint
# wants one (`enabled`, `advancementType`, `stages`: Vercel's own command line, vercel 64.0.2, `rolling-release configure`,
# sends it there).
#
# Seen (Node.js 20.20.2): PATCH /v1/projects/prj/rolling-release/config, no content-type, 0 bytes; the same with a requestBody
# in the call. `projects.updateProject`, asked beside it, sends 32 bytes of JSON.
# This script fails when the SDK sends a body.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @vercel/sdk@1.28.35 >/dev/null
cat >send.mjs <<'JAVASCRIPT'
import { createServer } from "node:http";
import { Vercel } from "@vercel/sdk";

const sent = [];
const api = createServer(async (request, answer) => {
  let body = "";
  for await (const piece of request) body += piece;
  sent.push({ operation: `${request.method} ${request.url}`, type: request.headers["content-type"] ?? "none", body });
  answer.writeHead(404, { "content-type": "application/json" });
  answer.end('{"error":{"code":"not_found","message":"it is only looked at what is asked"}}');
}).listen(0, "127.0.0.1", async () => {
  const vercel = new Vercel({ bearerToken: "x", serverURL: `http://127.0.0.1:${api.address().port}` });
  const stages = [{ targetPercentage: 20, duration: 5 }, { targetPercentage: 100 }];
  const wanted = { enabled: true, advancementType: "automatic", stages };
  const quiet = () => undefined; // what the answer is does not matter
  await vercel.rollingRelease.updateRollingReleaseConfig({ idOrName: "prj" }).catch(quiet);
  await vercel.rollingRelease.updateRollingReleaseConfig({ idOrName: "prj", requestBody: wanted }).catch(quiet);
  await vercel.projects.updateProject({ idOrName: "prj", requestBody: { autoAssignCustomDomains: true } }).catch(quiet);
  api.close();
  for (const one of sent) console.log(one.operation, "type:", one.type, "bytes:", one.body.length);
  const [plain, given, project] = sent.map((one) => one.body.length);
  process.exitCode = sent.length === 3 && plain === 0 && given === 0 && project > 0 ? 0 : 1;
});
JAVASCRIPT
node send.mjs
