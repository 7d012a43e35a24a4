export const runtime = "edge";

export default async function Edge({ searchParams }) {
  const { name = "nobody" } = await searchParams;
  return <h1>{`Hello ${name} from ${typeof EdgeRuntime}`}</h1>;
}
