export default function Home({ locale, from }) {
  return <h1>{locale === "de" ? "Willkommen" : "Welcome"} {from}</h1>;
}

export async function getServerSideProps({ locale, query, res }) {
  res.setHeader("set-cookie", "visited=1; Path=/");
  return { props: { locale, from: query.from ?? "" } };
}
