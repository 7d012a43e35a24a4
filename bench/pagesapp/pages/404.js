export default function Lost() {
  return <h1>Nothing is here</h1>;
}
