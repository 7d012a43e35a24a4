export const getStaticPaths = async () => ({ paths: [{ params: { id: "1" } }], fallback: "blocking" });

export const getStaticProps = async ({ params }) => {
  if (params.id === "away") return { redirect: { destination: "/show/still", permanent: false } };
  return { notFound: params.id === "none", props: { id: params.id, drawn: Math.random() }, revalidate: 3600 };
};

export default function One({ id, drawn }) {
  return <h1 data-drawn={drawn}>{`Legacy ${id}`}</h1>;
}
