export const revalidate = 2;

export default function Fresh() {
  return <h1>{`Made at ${Date.now()}`}</h1>;
}
