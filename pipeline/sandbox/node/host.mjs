// Serves one function over HTTP, or all edge functions of a deployment:
// node host.mjs FOLDER '{"fd", "handler", "helpers", "webApi", "edge", "functions", "data", "hosts"}'.
// `edge` is the folder of the edge runtime, `functions` what it runs: name → {"folder", "entrypoint", "environment", "assets"};
// a header of each request has the name. `data` is the folder of the data cache; `hosts` are the
// deployment's own names, which have no TLS here. `fd` is a socket that listens already. What a request writes to the console is told on stdout, one JSON object a line.

import { AsyncLocalStorage } from "node:async_hooks";
import http from "node:http";
import { Socket } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { cacheHandlers } from "./datacache.mjs";

const [folder, given] = process.argv.slice(2);
const { fd, handler, helpers, webApi, edge, functions, data, hosts } = JSON.parse(given);
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

// The sandbox ends its processes by their group; this is for the day on which nobody is left to do that
const gone = () => process.exit();
new Socket({ fd: 0, readable: true, writable: false }).on("error", gone).on("close", gone).resume().unref();

const requests = new AsyncLocalStorage();
const write = process.stdout.write.bind(process.stdout);
const tell = (what) => write(`\x1e${JSON.stringify(what)}\n`);

for (const stream of [process.stdout, process.stderr]) {
  stream.write = (chunk, encoding, done) => {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    tell({ id: requests.getStore()?.id ?? 0, text });
    const called = typeof encoding === "function" ? encoding : done;
    if (called) process.nextTick(called);
    return true;
  };
}
const current = { get: () => requests.getStore()?.context };
globalThis[Symbol.for("@vercel/request-context")] = current;
globalThis[Symbol.for("@next/cache-handlers")] = cacheHandlers(data);
const { fetch } = globalThis;
globalThis.fetch = (what, init) => fetch(typeof what === "string" ? reachable(what) : what, init);

process.chdir(folder);
const listener = edge ? edgeListener() : listenerOf(await import(pathToFileURL(join(folder, handler))));

const server = http.createServer({ requestTimeout: 0, keepAliveTimeout: 0 }, (req, res) => {
  const id = Number(taken(req, "x-sandbox-request"));
  const later = [];
  const context = { headers: req.headers, url: req.url, waitUntil: (promise) => void later.push(Promise.resolve(promise)) };
  const closed = new Promise((resolve) => res.once("close", resolve));
  requests.run({ id, context }, async () => {
    try {
      await listener(req, res);
    } catch (error) {
      failed(res, error);
    }
    await closed;
    drain(req);
    for (const promise of later) await promise.catch(console.error);
    tell({ id, end: true });
  });
});
server.listen({ fd }, () => tell({ id: 0, ready: true }));

function listenerOf(module) {
  let found = module;
  for (let depth = 0; depth < 5 && found?.default; depth++) found = found.default;
  const web = [found, module].find((one) => typeof one?.fetch === "function" || METHODS.some((name) => typeof one?.[name] === "function"));
  if (web) return asListener((request) => byMethod(web, request));
  if (typeof found !== "function") throw new TypeError(`${handler} exports no handler: a function, fetch, or GET, POST, …`);
  if (webApi) return asListener(found);
  return helpers ? withHelpers(found) : found;
}

/** Read what the function did not, also when it destroyed the request: the next one stands behind it on the connection. */
function drain(req) {
  if (req.complete && req.readableEnded) return;
  req.unpipe();
  req.removeAllListeners("data").removeAllListeners("readable").on("data", () => {}).resume();
  if (!req.destroyed) return;
  req._dump?.(); // a stream that was destroyed takes nothing more, and the parser would wait for it for ever
  req.socket.resume();
}

function edgeListener() {
  const loaded = new Map();
  const load = async (name) => {
    const { edgeHandler } = await import("./edge.mjs");
    return edgeHandler(join(folder, functions[name].folder), functions[name], edge, current);
  };
  return async (req, res) => {
    const name = taken(req, "x-sandbox-function");
    if (!loaded.has(name)) loaded.set(name, load(name));
    const answer = await loaded.get(name);
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const bodied = !["GET", "HEAD"].includes(req.method);
    const init = { method: req.method, headers: pairs(req.rawHeaders), ...(bodied && { body: Buffer.concat(chunks) }) };
    await pass(await answer(urlOf(req), init, current.get().waitUntil), res);
  };
}

/** An address of the deployment itself as it can be asked here; any other stays as it is. */
function reachable(address) {
  return hosts.some((host) => address.startsWith(`https://${host}/`)) ? address.replace(/^https/, "http") : address;
}

function urlOf(req) {
  return new URL(req.url, `${req.headers["x-forwarded-proto"] ?? "http"}://${req.headers.host}`).href;
}

function byMethod(web, request) {
  if (typeof web.fetch === "function") return web.fetch(request);
  const method = request.method === "HEAD" && !web.HEAD ? "GET" : request.method;
  return web[method] ? web[method](request) : new Response(null, { status: 405 });
}

function asListener(answer) {
  return async (req, res) => {
    const bodied = !["GET", "HEAD"].includes(req.method);
    const init = { method: req.method, headers: pairs(req.rawHeaders), ...(bodied && { body: Readable.toWeb(req), duplex: "half" }) };
    await pass(await answer(new Request(urlOf(req), init)), res);
  };
}

async function pass(response, res) {
  res.statusCode = response.status;
  for (const [name, value] of response.headers) if (name !== "set-cookie") res.setHeader(name, value);
  if (response.headers.getSetCookie().length) res.setHeader("set-cookie", response.headers.getSetCookie());
  res.flushHeaders();
  for await (const chunk of response.body ?? []) res.write(chunk);
  res.end();
}

/** What Vercel adds to requests and answers of plain API functions. */
function withHelpers(answer) {
  return async (original, res) => {
    const chunks = [];
    for await (const chunk of original) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const req = new http.IncomingMessage(original.socket); // one that can still be read
    for (const name of ["method", "url", "headers", "rawHeaders", "httpVersion"]) req[name] = original[name];
    req.complete = true; // else reading it to its end would cut the connection
    req.push(body);
    req.push(null);
    lazily(req, "query", () => grouped(new URL(req.url, "http://x").searchParams));
    lazily(req, "cookies", () => cookiesOf(req.headers.cookie ?? ""));
    lazily(req, "body", () => parsed(body, (req.headers["content-type"] ?? "").split(";")[0].trim()));
    res.status = (code) => Object.assign(res, { statusCode: code });
    res.json = (value) => typed(res, "application/json; charset=utf-8").end(JSON.stringify(value));
    res.send = (value) => sent(res, value);
    res.redirect = (code, where) => void res.writeHead(where ? code : 307, { location: where ?? code }).end();
    return answer(req, res);
  };
}

function sent(res, value) {
  if (Buffer.isBuffer(value)) return typed(res, "application/octet-stream").end(value);
  if (value !== null && typeof value === "object") return res.json(value);
  return typed(res, "text/html; charset=utf-8").end(value == null ? "" : String(value));
}

function typed(res, type) {
  if (!res.hasHeader("content-type")) res.setHeader("content-type", type);
  return res;
}

function parsed(body, type) {
  if (type === "application/octet-stream") return body;
  if (type === "application/x-www-form-urlencoded") return grouped(new URLSearchParams(body.toString()));
  if (type === "text/plain") return body.toString();
  if (type !== "application/json") return undefined;
  try {
    return body.length ? JSON.parse(body) : {};
  } catch {
    throw Object.assign(new Error("Invalid JSON"), { statusCode: 400 });
  }
}

function failed(res, error) {
  if (error?.statusCode === 400 && !res.headersSent) return void res.writeHead(400).end(error.message);
  console.error(error);
  if (res.headersSent) res.destroy();
  else res.writeHead(500, { "x-sandbox-threw": "1" }).end();
}

function lazily(target, name, make) {
  const set = (value) => Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true });
  const get = () => {
    const value = make();
    set(value);
    return value;
  };
  Object.defineProperty(target, name, { configurable: true, enumerable: true, get, set });
}

function grouped(params) {
  const found = {};
  for (const name of new Set(params.keys())) {
    const all = params.getAll(name);
    found[name] = all.length > 1 ? all : all[0];
  }
  return found;
}

function cookiesOf(header) {
  const found = {};
  for (const part of header.split(";")) {
    const [name, ...rest] = part.trim().split("=");
    if (name) found[name] = decodeURIComponent(rest.join("=").replace(/^"|"$/g, ""));
  }
  return found;
}

function pairs(raw) {
  const found = [];
  for (let at = 0; at < raw.length; at += 2) found.push([raw[at], raw[at + 1]]);
  return found;
}

/** The value of a header, which the function does not see. */
function taken(req, name) {
  const value = req.headers[name];
  delete req.headers[name];
  const at = req.rawHeaders.findIndex((one, index) => index % 2 === 0 && one.toLowerCase() === name);
  if (at >= 0) req.rawHeaders.splice(at, 2);
  return value;
}
