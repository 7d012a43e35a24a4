#!/bin/sh
# @aws-sdk/client-s3 and @aws-sdk/s3-request-presigner 3.1164.0 (Node 20): an address that is signed for an upload carries the
# checksum of an empty body. Whoever presigns has no body yet, and the client adds a CRC-32 to every PutObject by default, so it
# signs that of nothing, `AAAAAA==`, into the query. A store that compares the two has to refuse every file but an empty one.
# `requestChecksumCalculation: "WHEN_REQUIRED"` leaves it out.
#
# Seen: x-amz-checksum-crc32=AAAAAA== and x-amz-sdk-checksum-algorithm=CRC32 in the address of a PutObjectCommand without a Body;
# neither of them with WHEN_REQUIRED. Nothing is sent anywhere: signing needs no network.
# This script fails when the address no longer has the checksum of an empty body.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{"private": true}\n' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts @aws-sdk/client-s3@3.1164.0 @aws-sdk/s3-request-presigner@3.1164.0
cat >sign.mjs <<'NODE'
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const account = {
  region: "auto",
  endpoint: "https://account.r2.cloudflarestorage.com",
  credentials: { accessKeyId: "key", secretAccessKey: "secret" },
};
const more = process.argv[2] ? { requestChecksumCalculation: process.argv[2] } : {};
const upload = new PutObjectCommand({ Bucket: "uploads", Key: "essay.txt" });
const address = new URL(await getSignedUrl(new S3Client({ ...account, ...more }), upload, { expiresIn: 60 }));
console.log(address.searchParams.get("x-amz-checksum-crc32") ?? "none");
NODE
usual=$(NODE_NO_WARNINGS=1 node sign.mjs)
required=$(NODE_NO_WARNINGS=1 node sign.mjs WHEN_REQUIRED)
nothing=$(node -e 'console.log(Buffer.from([0, 0, 0, 0]).toString("base64"))') # the CRC-32 of nothing is 0
echo "the checksum in the address: $usual by default, $required with WHEN_REQUIRED"
[ "$required" = none ]
[ "$usual" = "$nothing" ] || { echo "the address no longer has the checksum of an empty body"; exit 1; }
