export default function Broken() {
  return <h1>Something broke</h1>;
}
