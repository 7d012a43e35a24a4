#!/bin/sh
# @sentry/node 11.12.0 (and so @sentry/nextjs on the server): without `release` and SENTRY_RELEASE the name of the release is
# the first of about forty variables that is set, and GITHUB_SHA stands before VERCEL_GIT_COMMIT_SHA. In a job of GitHub
# Actions that builds what Vercel serves (`vercel build`, `vercel deploy --prebuilt`) both may be set and differ:
# GITHUB_SHA is the merge commit of a pull request, and of a `workflow_run` the head of the default branch, while what is
# built is the commit that was checked out, which is the one that the deployment names. Errors are then filed under a
# release that was never deployed.
#
# Seen (Node.js 20.20.2): both set: GITHUB_SHA's; without GITHUB_SHA: VERCEL_GIT_COMMIT_SHA's; with SENTRY_RELEASE: that one.
# This script fails when the order changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @sentry/node@11.12.0 >/dev/null
cat >release.mjs <<'JAVASCRIPT'
import * as Sentry from "@sentry/node";

const client = Sentry.init({ dsn: "https://key@sentry.invalid/1", defaultIntegrations: false });
console.log(client.getOptions().release);
process.exit(0);
JAVASCRIPT
release() { env -i PATH="$PATH" "$@" node release.mjs; }
deployed=VERCEL_GIT_COMMIT_SHA=1111111111111111111111111111111111111111
merged=GITHUB_SHA=2222222222222222222222222222222222222222
both=$(release $deployed $merged)
vercel=$(release $deployed)
said=$(release $deployed $merged SENTRY_RELEASE=shop@1)
echo "both: $both"
echo "Vercel's alone: $vercel"
echo "SENTRY_RELEASE beside them: $said"
[ "$both" = "${merged#*=}" ] && [ "$vercel" = "${deployed#*=}" ] && [ "$said" = shop@1 ]
