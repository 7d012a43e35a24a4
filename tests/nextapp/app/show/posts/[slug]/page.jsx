import { notFound } from "next/navigation";

export const generateStaticParams = () => [{ slug: "first" }, { slug: "second" }];

export async function generateMetadata({ params }) {
  return { title: `Post ${(await params).slug}` };
}

export default async function Post({ params }) {
  const { slug } = await params;
  if (slug === "lost") notFound();
  return <h1>Post {slug}</h1>;
}
