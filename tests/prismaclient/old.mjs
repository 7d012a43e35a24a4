// Uses a database as the code of the live release does, with a real Prisma Client of its schema.
// node old.mjs URL, with JSON lines on stdin: {"model", "does", "with"} or {"sql"}; answers each with {"ok"} or {"failed"}.
import { createInterface } from "node:readline";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "@prisma/client";

const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.argv[2], max: 1 }), errorFormat: "minimal" });

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  try {
    const ok = await client[asked.model][asked.does](asked.with ?? {});
    console.log(JSON.stringify({ ok }));
  } catch (error) {
    const cause = error.meta?.driverAdapterError?.cause;
    console.log(JSON.stringify({ failed: error.code ?? error.name, says: error.message, cause: cause?.originalCode ?? cause?.kind ?? "" }));
  }
}
await client.$disconnect();
