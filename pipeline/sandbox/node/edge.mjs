// Loads one edge function into the edge runtime: web standards, and of Node.js only the modules that Vercel names.

import { AsyncLocalStorage } from "node:async_hooks";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import vm from "node:vm";

const ALLOWED = ["assert", "async_hooks", "buffer", "events", "util"];

/** A function (url, init, waitUntil) → Response, for the entrypoint in a folder; `runtime` is the folder of @edge-runtime/vm,
 * `assets` the files that it fetches as `blob:NAME`: name → path in the folder. */
export async function edgeHandler(folder, { entrypoint, environment, assets = {} }, runtime, context) {
  const { EdgeVM } = createRequire(import.meta.url)(runtime);
  const edge = new EdgeVM({ codeGeneration: { strings: false, wasm: true } });
  Object.assign(edge.context, {
    AsyncLocalStorage,
    Buffer,
    console,
    process: { env: { ...environment, ...process.env } },
    require: (name) => (name.endsWith(".wasm") ? compiled(join(folder, name), edge.context) : allowed(name)),
    [Symbol.for("@vercel/request-context")]: context,
  });
  edge.context.globalThis ??= edge.context;
  const { fetch, Response } = edge.context;
  edge.context.fetch = async (what, init) => {
    const [scheme, name] = String(what?.url ?? what).split(/:(.*)/s);
    const path = scheme === "blob" && Object.hasOwn(assets, name) ? assets[name] : undefined;
    return path === undefined ? fetch(what, init) : new Response(await readFile(join(folder, path)));
  };
  const module = await moduleOf(join(folder, entrypoint), edge.context);
  const answer = module.namespace.default?.default ?? module.namespace.default;
  if (typeof answer !== "function") throw new TypeError(`${entrypoint} exports no function by default`);
  return async (url, init, waitUntil) => {
    const request = new edge.context.Request(url, init);
    const response = await answer(request, { waitUntil });
    if (typeof response?.status !== "number") throw new TypeError(`${entrypoint} did not answer with a Response`);
    return response;
  };
}

function allowed(name) {
  const plain = name.replace(/^node:/, "");
  if (!ALLOWED.includes(plain)) throw new Error(`The edge runtime has no module ${name}`);
  return process.getBuiltinModule?.(plain) ?? createRequire(import.meta.url)(plain);
}

/** WebAssembly that the build has put beside the function, and that it asks for as if it lay at the root. */
function compiled(file, context) {
  const { Module } = vm.runInContext("WebAssembly", context);
  return new Module(readFileSync(file));
}

/** A module and what it imports: other files of the function, WebAssembly, and the few modules of Node.js. */
async function moduleOf(file, context, known = new Map()) {
  if (known.has(file)) return known.get(file);
  const module = new vm.SourceTextModule(await readFile(file, "utf8"), { context, identifier: file });
  known.set(file, module);
  await module.link(async (name) => {
    if (!name.startsWith(".")) return synthetic(allowed(name), context);
    const path = join(file, "..", name.replace(/\?module$/, ""));
    if (!path.endsWith(".wasm")) return moduleOf(path, context, known);
    return synthetic({ default: compiled(path, context) }, context);
  });
  await module.evaluate();
  return module;
}

function synthetic(values, context) {
  const names = [...new Set([...Object.keys(values), "default"])];
  return new vm.SyntheticModule(
    names,
    function () {
      for (const name of names) this.setExport(name, name === "default" ? (values.default ?? values) : values[name]);
    },
    { context },
  );
}
