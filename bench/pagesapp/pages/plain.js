export default function Plain() {
  return <h1>No props at all</h1>;
}
