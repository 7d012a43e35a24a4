// Asks a Vercel API for everything that @vercel/sdk can ask of the sandbox. The SDK checks every answer against the
// vendor's own description. Prints a line of JSON per operation: {operation, ok, says}.
// node vercel_sdk.mjs PATH_OF_THE_SDK, with API, TOKEN, TEAM, PROJECT, PRODUCTION (host) and COMMIT in the environment.
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";

const { Vercel } = await import(pathToFileURL(process.argv[2]).href);
const { API, TOKEN, TEAM, PROJECT, PRODUCTION, COMMIT } = process.env;
const vercel = new Vercel({ bearerToken: TOKEN, serverURL: API, retryConfig: { strategy: "none" } });
const teamId = TEAM;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function ask(operation, act) {
  try {
    const answer = await act();
    console.log(JSON.stringify({ operation, ok: true }));
    return answer;
  } catch (error) {
    const says = typeof error.pretty === "function" ? error.pretty() : `${error.name}: ${error.message}`;
    console.log(JSON.stringify({ operation, ok: false, says: `${says} ${error.body ?? ""}`.slice(0, 3000) }));
    return undefined;
  }
}

async function ready(id) {
  for (let tries = 0; tries < 100; tries++) {
    const one = await vercel.deployments.getDeployment({ idOrUrl: id, teamId });
    if (one.readyState === "READY") return one;
    await wait(50);
  }
  throw new Error(`${id} is never ready`);
}

async function moved() {
  for (let tries = 0; tries < 100; tries++) {
    const { lastAliasRequest } = await vercel.projects.getProject({ idOrName: PROJECT, teamId });
    if (lastAliasRequest?.jobStatus === "succeeded") return;
    await wait(50);
  }
  throw new Error("production never moves");
}

await ask("user", () => vercel.user.getAuthUser());
await ask("teams", () => vercel.teams.getTeams({}));
await ask("team", () => vercel.teams.getTeam({ teamId }));
await ask("projects", () => vercel.projects.getProjects({ teamId }));
const project = await ask("project", () => vercel.projects.getProject({ idOrName: PROJECT, teamId }));
await ask("project domains", () => vercel.projects.getProjectDomains({ idOrName: PROJECT, teamId }));
await ask("change project", () =>
  vercel.projects.updateProject({ idOrName: PROJECT, teamId, requestBody: { autoAssignCustomDomains: true } }));
await ask("custom environments", () =>
  vercel.environment.getProjectsByIdOrNameCustomEnvironments({ idOrName: PROJECT, teamId }));

const listed = await ask("deployments", () => vercel.deployments.getDeployments({ projectId: PROJECT, teamId }));
const live = listed?.deployments?.[0]?.uid;
await ask("deployment", () => vercel.deployments.getDeployment({ idOrUrl: live, teamId }));
await ask("deployment by host", () => vercel.deployments.getDeployment({ idOrUrl: PRODUCTION, teamId }));
await ask("deployment files", () => vercel.deployments.listDeploymentFiles({ id: live, teamId }));
await ask("events", () => vercel.deployments.getDeploymentEvents({ idOrUrl: live, teamId }));

const empty = createHash("sha1").update("").digest("hex");
await ask("upload", () => vercel.deployments.uploadFile({ teamId, xVercelDigest: empty, contentLength: 0 }));
const files = [
  { file: ".vercel/output/config.json", data: '{"version":3}' },
  { file: ".vercel/output/static/index.html", data: "<h1>from the SDK</h1>" },
  { file: ".vercel/output/static/empty.txt", sha: empty, size: 0 },
];
const create = (more) =>
  vercel.deployments.createDeployment({ teamId, requestBody: { name: "lms", project: PROJECT, files, ...more } });
const preview = await ask("create preview", () => create({}));
const one = await ask("create", () => create({ target: "production", meta: { by: "sdk" } }));
await ask("ready", () => ready(one.id));
const again = await ask("redeploy", () => create({ files: undefined, deploymentId: preview.id, target: "production" }));
const gitSource = { type: "github", org: "acme", repo: "lms", ref: "main", sha: COMMIT };
const built = await ask("create from git", () => create({ files: undefined, gitSource, target: "production" }));
await ask("cancel", () => vercel.deployments.cancelDeployment({ id: built.id, teamId }));
await ask("delete", () => vercel.deployments.deleteDeployment({ id: built.id, teamId }));

await ask("aliases", () => vercel.aliases.listAliases({ projectId: PROJECT, teamId }));
await ask("alias", () => vercel.aliases.getAlias({ idOrAlias: PRODUCTION, teamId }));
await ask("deployment aliases", () => vercel.aliases.listDeploymentAliases({ id: live, teamId }));
await ask("assign alias", () =>
  vercel.aliases.assignAlias({ id: preview.id, teamId, requestBody: { alias: "sdk.example.com" } }));
await ask("delete alias", () => vercel.aliases.deleteAlias({ aliasId: "sdk.example.com", teamId }));

await ask("variables", () => vercel.projects.filterProjectEnvs({ idOrName: PROJECT, teamId }));
const variable = { key: "FROM_SDK", value: "1", type: "encrypted", target: ["production"] };
const added = await ask("create variable", () =>
  vercel.projects.createProjectEnv({ idOrName: PROJECT, teamId, upsert: "true", requestBody: variable }));
const id = [added?.created].flat()[0]?.id;
await ask("variable", () => vercel.projects.getProjectEnv({ idOrName: PROJECT, id, teamId }));
await ask("edit variable", () =>
  vercel.projects.editProjectEnv({ idOrName: PROJECT, id, teamId, requestBody: { value: "2" } }));
await ask("remove variable", () => vercel.projects.removeProjectEnv({ idOrName: PROJECT, id, teamId }));

await ready(again.id); // no other is being built, so it serves
await fetch(`http://${PRODUCTION}/`);
await ask("runtime logs", () => vercel.logs.getRuntimeLogs({ projectId: PROJECT, deploymentId: again.id, teamId }));
await ask("visits", () => vercel.webAnalytics.countPageviews({ projectId: PROJECT, teamId, since: "2026-01-01", until: "2099-01-01" }));

const staged = await create({ target: "production" });
await ready(staged.id);
const target = { projectId: PROJECT, teamId };
await ask("rollback", () => vercel.projects.requestRollback({ ...target, deploymentId: live }));
await moved();
await ask("promote", () => vercel.projects.requestPromote({ ...target, deploymentId: staged.id }));
await moved();
await ask("promote aliases", () => vercel.projects.listPromoteAliases(target));
await ask("project after a promotion", () => vercel.projects.getProject({ idOrName: PROJECT, teamId }));

const rolling = { idOrName: PROJECT, teamId };
const stages = [{ targetPercentage: 20, duration: 5 }, { targetPercentage: 60, duration: 5 }, { targetPercentage: 100 }];
await ask("no rolling release", () => vercel.rollingRelease.getRollingRelease(rolling));
await fetch(`${API}/v1/projects/${PROJECT}/rolling-release/config?teamId=${TEAM}`, {
  method: "PATCH", headers: { authorization: `Bearer ${TOKEN}` }, // the SDK's own call cannot send a body
  body: JSON.stringify({ enabled: true, advancementType: "automatic", stages }),
});
await ask("change rolling release config", () => vercel.rollingRelease.updateRollingReleaseConfig(rolling));
await ask("rolling release config", () => vercel.rollingRelease.getRollingReleaseConfig(rolling));
await ask("rolling release billing", () => vercel.rollingRelease.getRollingReleaseBillingStatus(rolling));
const canary = { canaryDeploymentId: live };
await ask("start rolling release", () => vercel.rollingRelease.startRollingRelease({ ...rolling, requestBody: canary }));
await ask("active rolling release", () => vercel.rollingRelease.getRollingRelease(rolling));
await ask("project while rolling", () => vercel.projects.getProject(rolling));
await ask("canary", () => vercel.deployments.getDeployment({ idOrUrl: live, teamId }));
await ask("approve stage", () =>
  vercel.rollingRelease.approveRollingReleaseStage({ ...rolling, requestBody: { ...canary, nextStageIndex: 1 } }));
await ask("complete rolling release", () =>
  vercel.rollingRelease.completeRollingRelease({ ...rolling, requestBody: canary }));
await ask("last rolling release", () => vercel.rollingRelease.getRollingRelease({ ...rolling, state: "COMPLETE" }));
await ask("delete rolling release config", () => vercel.rollingRelease.deleteRollingReleaseConfig(rolling));
