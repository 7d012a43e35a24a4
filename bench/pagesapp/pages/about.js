export default function About({ locale }) {
  return <h1>About us ({locale})</h1>;
}

export async function getStaticProps({ locale }) {
  return { props: { locale } };
}
