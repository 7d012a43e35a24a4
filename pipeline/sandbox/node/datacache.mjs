// The data cache of a deployment, as files that all its functions share; and which tags were revalidated, for its pages.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const BIGGEST = 2_000_000; // bytes of one entry: vercel.com/docs/data-cache

/** What Next.js looks for under `@next/cache-handlers`. */
export function cacheHandlers(folder) {
  const file = (kind, key) => join(folder, kind, createHash("sha1").update(key).digest("hex"));
  const read = (kind, key) => {
    try {
      return JSON.parse(readFileSync(file(kind, key), "utf8"));
    } catch {
      return null;
    }
  };
  const write = (kind, key, value) => {
    const text = JSON.stringify(value);
    if (text.length > BIGGEST) return;
    mkdirSync(join(folder, kind), { recursive: true });
    const part = `${file(kind, key)}.${process.pid}`;
    writeFileSync(part, text);
    renameSync(part, file(kind, key)); // whoever reads meanwhile sees the old one or the new one
  };
  class FetchCache {
    resetRequestCache() {}
    async get(key, context = {}) {
      const kept = context.kind === "FETCH" ? read("fetch", key) : null;
      if (!kept) return null;
      const tags = [...(kept.tags ?? []), ...(context.tags ?? []), ...(context.softTags ?? [])];
      const renewed = tags.some((tag) => (read("tags", tag)?.stale ?? 0) >= kept.lastModified);
      return renewed ? null : kept;
    }
    async set(key, value, context = {}) {
      if (value?.kind === "FETCH") write("fetch", key, { lastModified: Date.now(), value, tags: context.tags ?? value.tags });
    }
    async revalidateTag(given, durations) {
      const now = Date.now();
      for (const tag of [given].flat()) {
        const expired = durations ? now + (durations.expire ?? Infinity) * 1000 : now;
        write("tags", tag, { stale: now, expired: Number.isFinite(expired) ? expired : 0 });
      }
    }
  }
  return { FetchCache };
}
