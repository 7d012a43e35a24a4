import { connection } from "next/server";

export default async function Broken() {
  await connection();
  throw new TypeError("the lesson has no teacher");
}
