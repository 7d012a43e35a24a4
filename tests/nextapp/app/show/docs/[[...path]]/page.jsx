export default async function Docs({ params, searchParams }) {
  const [{ path = [] }, asked] = [await params, await searchParams];
  return <pre>{JSON.stringify({ path, asked })}</pre>;
}
