import { Client } from "pg";

/** The rows of a query. One connection per request, as a function on a serverless platform would have it. */
export async function rows(query, ...values) {
  const db = new Client({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 5000 });
  db.on("error", () => {}); // a connection that dies between two queries is the next query's error
  await db.connect();
  try {
    return (await db.query(query, values)).rows;
  } finally {
    await db.end();
  }
}
