import { cookies, headers } from "next/headers";

export default async function Members() {
  const [kept, sent] = [await cookies(), await headers()];
  return <h1>{`Member ${kept.get("member").value}, guard ${sent.get("x-guard")}, secret ${sent.get("x-secret")}`}</h1>;
}
