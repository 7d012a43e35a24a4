import { Suspense } from "react";
import { connection } from "next/server";

async function Late() {
  await connection();
  await new Promise((resolve) => setTimeout(resolve, 50));
  return <p>at last</p>;
}

export default function Slow() {
  return (
    <Suspense fallback={<p>not yet</p>}>
      <Late />
    </Suspense>
  );
}
