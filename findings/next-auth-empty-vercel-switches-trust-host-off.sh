#!/bin/sh
# next-auth 4.24.15 (Node 20): a variable VERCEL that is set to an empty text makes it overlook AUTH_TRUST_HOST=true. It takes
# `VERCEL ?? AUTH_TRUST_HOST`, and the empty text is neither null nor undefined, so the second name is never looked at; then the
# first one counts as no. What is unset arrives as an empty text from many places: a container's `ENV`, a workflow's `env:` with a
# secret that does not exist, an env file that was written by hand. The log only warns that NEXTAUTH_URL is not set, which with
# AUTH_TRUST_HOST is as it should be: every page is well, and whoever signs in is sent to http://localhost:3000.
#
# Seen: with AUTH_TRUST_HOST=true the provider's callback is https://lms.example.com/api/auth/callback/github; the same with an empty
# VERCEL beside it: http://localhost:3000/api/auth/callback/github. An empty NEXTAUTH_URL does no such harm, and VERCEL=0 counts as yes.
# This script fails when an empty VERCEL no longer hides AUTH_TRUST_HOST.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{"private": true}\n' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps next-auth@4.24.15
cat >ask.cjs <<'NODE'
const NextAuth = require("next-auth").default;
const headers = { host: "lms.example.com", "x-forwarded-host": "lms.example.com", "x-forwarded-proto": "https" };
const asked = { method: "GET", headers, cookies: {}, body: {}, query: { nextauth: ["providers"] } };
const show = body => console.log(body.github.callbackUrl);
const answer = { status: () => answer, setHeader() {}, getHeader() {}, end() {}, json: show, send: show };
NextAuth(asked, answer, { secret: "x".repeat(32), providers: [{ id: "github", name: "GitHub", type: "oauth" }] });
NODE
ask() { env -u VERCEL -u NEXTAUTH_URL -u AUTH_TRUST_HOST NODE_ENV=production "$@" node ask.cjs 2>/dev/null; }
alone=$(ask AUTH_TRUST_HOST=true)
beside=$(ask AUTH_TRUST_HOST=true VERCEL=)
empty_url=$(ask AUTH_TRUST_HOST=true NEXTAUTH_URL=)
zero=$(ask VERCEL=0)
echo "AUTH_TRUST_HOST=true: $alone"
echo "the same and VERCEL=: $beside"
echo "the same and NEXTAUTH_URL= instead: $empty_url"
echo "VERCEL=0 alone: $zero"
[ "$alone" = https://lms.example.com/api/auth/callback/github ]
[ "$empty_url" = "$alone" ]
[ "$zero" = "$alone" ]
[ "$beside" = http://localhost:3000/api/auth/callback/github ] || { echo "an empty VERCEL hides nothing any more"; exit 1; }
