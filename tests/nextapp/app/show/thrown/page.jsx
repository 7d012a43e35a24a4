import { permanentRedirect } from "next/navigation";
import { connection } from "next/server";

export default async function Thrown() {
  await connection();
  permanentRedirect("/show/still");
}
