// Reads what a gate reads, page by page, and prints it as one JSON object. Arguments: the module of @octokit/rest.
const { Octokit } = await import(process.argv[2]);
const { API, TOKEN, SHA } = process.env;
const github = new Octokit({ auth: TOKEN, baseUrl: API });
const where = { owner: "acme", repo: "lms" };
const checks = await github.paginate(github.rest.checks.listForRef, { ...where, ref: SHA, filter: "latest", per_page: 1 });
const [pull] = await github.paginate(github.rest.repos.listPullRequestsAssociatedWithCommit, { ...where, commit_sha: SHA });
const reviews = await github.paginate(github.rest.pulls.listReviews, { ...where, pull_number: pull.number });
const scanning = await github.paginate(github.rest.codeScanning.listAlertsForRepo, { ...where, state: "open", per_page: 2 });
const dependabot = await github.paginate(github.rest.dependabot.listAlertsForRepo, { ...where, state: "open", per_page: 2 });
const { data: status } = await github.rest.repos.getCombinedStatusForRef({ ...where, ref: SHA });
const found = {
  checks: checks.map((one) => [one.name, one.conclusion]),
  reviews: reviews.map((one) => [one.user.login, one.state]),
  scanning: scanning.map((one) => one.number),
  dependabot: dependabot.map((one) => one.number),
  status: status.state,
};
console.log(JSON.stringify(found));
