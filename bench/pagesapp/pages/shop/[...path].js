export default function Shop({ path, seen }) {
  return <p>{path.join(" > ")} seen as {seen}</p>;
}

export async function getServerSideProps({ params, req }) {
  if (params.path[0] === "broken") throw new Error("the shop is closed");
  if (params.path[0] === "none") return { notFound: true };
  return { props: { path: params.path, seen: req.headers["x-seen"] ?? "" } };
}
