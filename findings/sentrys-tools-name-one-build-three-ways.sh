#!/bin/sh
# @sentry/node 11.12.0 (and so @sentry/nextjs on the server) beside sentry-cli 3.8.2: nobody has named the release, and the two
# that have to agree do not. The SDK takes the first of about forty variables that is set; GITHUB_SHA stands before
# VERCEL_GIT_COMMIT_SHA. `sentry-cli releases propose-version`, which finalizes the release and tells of its deploy, looks at
# neither: it takes the commit that is checked out. In a job of GitHub Actions that builds what Vercel serves (`vercel build`,
# `vercel deploy --prebuilt`) the three are different commits: GITHUB_SHA is the merge commit of a pull request and, of a
# `workflow_run`, the head of the default branch. Errors are then filed under a release that was never deployed, and the
# release that was deployed has none.
#
# Seen (Node.js 20.20.2): both variables set: the SDK says GITHUB_SHA's; without GITHUB_SHA: VERCEL_GIT_COMMIT_SHA's;
# sentry-cli says the checkout's both times. With SENTRY_RELEASE both say that one.
# This script fails when the order changes, or when the two agree.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @sentry/node@11.12.0 >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check sentry-cli==3.8.2
git init -q app
git -C app -c user.name=dana -c user.email=dana@example.com commit -q --allow-empty -m "What is built"
cat >release.mjs <<'JAVASCRIPT'
import * as Sentry from "@sentry/node";

const client = Sentry.init({ dsn: "https://key@sentry.invalid/1", defaultIntegrations: false });
console.log(client.getOptions().release);
process.exit(0);
JAVASCRIPT
sdk() { env -i PATH="$PATH" "$@" node release.mjs; }
cli() { (cd app && env -i PATH="$PATH" "$@" ../venv/bin/sentry-cli releases propose-version); }
built=$(git -C app rev-parse HEAD)
vercel=VERCEL_GIT_COMMIT_SHA=1111111111111111111111111111111111111111
github=GITHUB_SHA=2222222222222222222222222222222222222222
said=SENTRY_RELEASE=shop@1
for variables in "$vercel $github" "$vercel" "$vercel $github $said"; do
  echo "$variables"
  echo "  SDK $(sdk $variables), sentry-cli $(cli $variables)"
done
[ "$(sdk $vercel $github)" = "${github#*=}" ] && [ "$(sdk $vercel)" = "${vercel#*=}" ]
[ "$(cli $vercel $github)" = "$built" ] && [ "$(cli $vercel)" = "$built" ]
[ "$(sdk $vercel $github $said)" = shop@1 ] && [ "$(cli $vercel $github $said)" = shop@1 ]
