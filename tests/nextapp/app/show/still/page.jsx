export const metadata = { title: "Still" };

export default function Still() {
  return <h1>Nothing moves here</h1>;
}
