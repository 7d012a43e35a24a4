export const getServerSideProps = async ({ query, res }) => {
  res.setHeader("x-legacy", "1");
  return query.lost ? { notFound: true } : { props: { asked: query.q ?? "nothing" } };
};

export default function Legacy({ asked }) {
  return <h1>{`Asked for ${asked}`}</h1>;
}
