// Asks Prisma's own schema engine (its WebAssembly build) about a database and a folder of migrations.
// PRISMA_SENDS=each: a file statement by statement, as since 7.4 (the adapter's own, plain cut); else whole, as before.
// node oracle.mjs diagnose|deploy|applied|rolled-back DATABASE_URL FOLDER [NAME]   →   one JSON document
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import { PrismaPg } from "@prisma/adapter-pg";
import * as bg from "@prisma/schema-engine-wasm/schema_engine_bg";
import pg from "pg";

const [command, url, folder, name] = process.argv.slice(2);
for (const oid of [18, 19]) pg.types.setTypeParser(oid, (text) => text);

const wasm = path.join(path.dirname(createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm")), "schema_engine_bg.wasm");
const { instance } = await WebAssembly.instantiate(fs.readFileSync(wasm), { "./schema_engine_bg.js": bg });
bg.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start?.();

const at = new URL(url);
const config = {
  host: at.hostname, port: Number(at.port), user: decodeURIComponent(at.username),
  password: decodeURIComponent(at.password), database: at.pathname.slice(1), max: 1,
};
const inner = new PrismaPg(config);
const connect = inner.connect.bind(inner);
inner.connect = async () => {
  const made = await connect();
  if (process.env.PRISMA_SENDS !== "each") made.executeScript = async (script) => {
    try { await made.underlyingDriver().query(script); } catch (error) { made.onError(error); }
  };
  const ask = made.performIO?.bind(made);
  if (ask) made.performIO = async (query) => {
    const found = await ask(query);
    for (const field of found.fields) if (field.dataTypeID === 18 || field.dataTypeID === 19) field.dataTypeID = 25;
    return found;
  };
  return made;
};

const read = (file) => {
  try {
    return { tag: "ok", value: fs.readFileSync(file, "utf8") };
  } catch (error) {
    return { tag: "error", value: String(error.message) };
  }
};
const lockfile = path.join(folder, "migration_lock.toml");
const migrationsList = {
  baseDir: folder,
  shadowDbInitScript: "",
  lockfile: { path: "migration_lock.toml", content: fs.existsSync(lockfile) ? fs.readFileSync(lockfile, "utf8") : null },
  migrationDirectories: fs.readdirSync(folder, { withFileTypes: true }).filter((one) => one.isDirectory())
    .map((one) => one.name).sort((a, b) => a.localeCompare(b))
    .map((one) => ({
      path: one,
      migrationFile: {
        path: "migration.sql",
        content: read(path.join(folder, one, "migration.sql")),
      },
    })),
};
const filters = { externalTables: [], externalEnums: [] };
const schema = 'datasource db {\n  provider = "postgresql"\n}\n';
let said;
try {
  const factory = bindMigrationAwareSqlAdapterFactory(inner);
  const engine = await bg.SchemaEngine.new({ datamodels: [["schema.prisma", schema]] }, () => {}, factory);
  if (command === "diagnose")
    said = await engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters });
  else if (command === "deploy") {
    const began = performance.now();
    said = await engine.applyMigrations({ migrationsList, filters });
    process.stderr.write(`${(performance.now() - began) / 1000}\n`); // seconds, for the bench
  }
  else if (command === "applied") said = await engine.markMigrationApplied({ migrationName: name, migrationsList });
  else said = await engine.markMigrationRolledBack({ migrationName: name });
} catch (error) {
  let about = {};
  try { about = JSON.parse(error.message); } catch { about = {}; }
  said = { error: { code: error.code ?? about.error_code ?? "", message: String(error.message ?? error), meta: error.meta } };
}
process.stdout.write(JSON.stringify(said ?? {}), () => process.exit(0));
