export const dynamicParams = false;
export const generateStaticParams = () => [{ name: "ada" }];

export default async function Only({ params }) {
  return <h1>Only {(await params).name}</h1>;
}
