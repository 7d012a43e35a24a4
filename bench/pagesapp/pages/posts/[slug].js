const KNOWN = { first: "The first", second: "The second" };

export default function Post({ title, locale }) {
  return <article><h1>{title}</h1><p>{locale}</p></article>;
}

export async function getStaticPaths() {
  return { paths: [{ params: { slug: "first" }, locale: "en" }, { params: { slug: "first" }, locale: "de" }], fallback: "blocking" };
}

export async function getStaticProps({ params, locale }) {
  if (params.slug === "gone") return { redirect: { destination: "/about", permanent: false } };
  if (!KNOWN[params.slug]) return { notFound: true, revalidate: 60 };
  return { props: { title: KNOWN[params.slug], locale }, revalidate: 60 };
}
