// Uses the stores as an app does: node stores.mjs FOLDER_OF_NODE_MODULES, with R2 and UPSTASH as JSON in the environment.
// Prints a line of JSON per thing that was looked at: {what, found}. Whether that is right is not decided here.
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/`);
const S3 = require("@aws-sdk/client-s3");
const { Redis } = require("@upstash/redis");
const { Ratelimit } = require("@upstash/ratelimit");
const r2 = JSON.parse(process.env.R2);
const upstash = JSON.parse(process.env.UPSTASH);

async function look(what, act) {
  let found;
  try {
    found = await act();
  } catch (error) {
    found = { error: error.name, status: error.$metadata?.httpStatusCode, says: error.message };
  }
  console.log(JSON.stringify({ what, found: found ?? null }));
  return found;
}

const client = (keys) =>
  new S3.S3Client({ endpoint: r2.endpoint, region: "auto", forcePathStyle: true, maxAttempts: 1, credentials: {
    accessKeyId: r2.access_key_id, secretAccessKey: r2.secret_access_key, ...keys } });
const s3 = client({});
const Bucket = r2.bucket;
const send = (name, input, by = s3) => by.send(new S3[`${name}Command`]({ Bucket, ...input }));
const body = async (Key, more) => (await send("GetObject", { Key, ...more })).Body.transformToString();

await look("put", async () => (await send("PutObject", { Key: "sdk/a b.txt", Body: "hello", ContentType: "text/plain" })).ETag);
await look("get", () => body("sdk/a b.txt"));
await look("range", () => body("sdk/a b.txt", { Range: "bytes=1-3" }));
await look("head", async () => (await send("HeadObject", { Key: "sdk/a b.txt" })).ContentLength);
await look("create only", () => send("PutObject", { Key: "sdk/a b.txt", Body: "other", IfNoneMatch: "*" }));
await look("missing", () => body("sdk/none"));
await look("missing head", () => send("HeadObject", { Key: "sdk/none" }));
await look("missing bucket", () => send("GetObject", { Key: "a", Bucket: "nobody" }));
for (let n = 0; n < 7; n++) await send("PutObject", { Key: `sdk/page/${n}`, Body: `${n}` });
await look("pages", async () => {
  const pages = [];
  for await (const page of S3.paginateListObjectsV2({ client: s3, pageSize: 3 }, { Bucket, Prefix: "sdk/page/" }))
    pages.push(page.Contents.map((one) => one.Key));
  return pages;
});
await look("folders", async () =>
  (await send("ListObjectsV2", { Prefix: "sdk/", Delimiter: "/" })).CommonPrefixes.map((one) => one.Prefix));
const Key = "sdk/parts";
const { UploadId } = await send("CreateMultipartUpload", { Key });
const big = Buffer.alloc(5 * 1024 * 1024, "x");
const Parts = [];
for (const [index, Body] of [big, Buffer.from("end")].entries()) {
  const { ETag } = await send("UploadPart", { Key, UploadId, PartNumber: index + 1, Body });
  Parts.push({ PartNumber: index + 1, ETag });
}
await look("complete", async () => (await send("CompleteMultipartUpload", { Key, UploadId, MultipartUpload: { Parts } })).ETag);
await look("parts", async () => [(await send("HeadObject", { Key })).ContentLength, await body(Key, { Range: "bytes=-4" })]);
const other = await send("CreateMultipartUpload", { Key: "sdk/aborted" });
await look("abort", async () => (await send("AbortMultipartUpload", { Key: "sdk/aborted", UploadId: other.UploadId })).$metadata.httpStatusCode);
await look("delete", async () => (await send("DeleteObject", { Key: "sdk/a b.txt" })).$metadata.httpStatusCode);
await look("deleted", () => body("sdk/a b.txt"));
const Objects = [0, 1, 2, 3, 4, 5, 6].map((n) => ({ Key: `sdk/page/${n}` }));
await look("delete many", async () => (await send("DeleteObjects", { Delete: { Objects } })).Deleted.length);
await look("left", async () => (await send("ListObjectsV2", { Prefix: "sdk/page/" })).KeyCount);
await look("wrong key", () => send("GetObject", { Key: "a" }, client({ accessKeyId: "0".repeat(32) })));
await look("wrong secret", () => send("GetObject", { Key: "a" }, client({ secretAccessKey: "0".repeat(64) })));

const redis = new Redis({ url: upstash.url, token: upstash.token, retry: false });
await look("set", () => redis.set("sdk:a", { deep: ["ü", 1] }, { ex: 100 }));
await look("get back", () => redis.get("sdk:a"));
await look("ttl", () => redis.ttl("sdk:a"));
await look("set nx", () => redis.set("sdk:a", "x", { nx: true }));
await look("hash", async () => [await redis.hset("sdk:h", { a: 1, b: "two" }), await redis.hgetall("sdk:h")]);
await look("sorted", async () => [await redis.zadd("sdk:z", { score: 2, member: "b" }, { score: 1, member: "a" }),
  await redis.zrange("sdk:z", 0, -1, { withScores: true })]);
await look("together", () => Promise.all([redis.incr("sdk:n"), redis.incr("sdk:n"), redis.lpush("sdk:l", "x", "y")]));
await look("pipeline", () => redis.pipeline().set("sdk:p", 1).incr("sdk:p").get("sdk:p").exec());
await look("transaction", () => redis.multi().incr("sdk:p").incr("sdk:p").exec());
await look("scan", async () => {
  const found = [];
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, { match: "sdk:*", count: 3 });
    found.push(...keys);
    cursor = next;
  } while (cursor !== "0");
  return found.sort();
});
await look("ping", () => redis.ping());
await look("wrong type", () => redis.incr("sdk:h"));
await look("script", () => redis.eval("return {KEYS[1], tonumber(ARGV[1]) + 1}", ["k"], [41]));
await look("gone", async () => [await redis.del("sdk:a"), await redis.get("sdk:a")]);
await look("wrong token", () => new Redis({ url: upstash.url, token: "no", retry: false }).get("sdk:a"));

for (const [name, limiter] of Object.entries({
  "fixed window": Ratelimit.fixedWindow(5, "1 h"),
  "sliding window": Ratelimit.slidingWindow(5, "1 h"),
  "token bucket": Ratelimit.tokenBucket(5, "1 h", 5),
})) {
  const limit = new Ratelimit({ redis, limiter, prefix: `sdk:${name}`, ephemeralCache: false });
  const asked = async (who) => {
    const { success, remaining, limit: most } = await limit.limit(who);
    return [success, Math.max(0, remaining), most];
  };
  await look(name, async () => {
    const found = [];
    for (let n = 0; n < 7; n++) found.push(await asked("dana"));
    return [...found, await asked("kim")];
  });
  await look(`${name} left`, async () => (await limit.getRemaining("kim")).remaining);
  await look(`${name} reset`, async () => {
    await limit.resetUsedTokens("dana");
    return asked("dana");
  });
}
