export const revalidate = 60;
export const metadata = { title: "About" };

export default function About() {
  return <h1>{`About, as of ${new Date().toISOString()}`}</h1>;
}
