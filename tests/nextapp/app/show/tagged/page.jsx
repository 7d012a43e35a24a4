import { unstable_cache } from "next/cache";

const drawn = unstable_cache(async () => Math.random().toString(36).slice(2), ["drawn"], { tags: ["drawn"] });

export default async function Tagged() {
  return <h1>{`Drawn: ${await drawn()}`}</h1>;
}
