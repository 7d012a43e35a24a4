import { getServerSession } from "next-auth";
import { notFound, redirect } from "next/navigation";
import { authOptions } from "../../../lib/auth";
import { rows } from "../../../lib/db";

export default async function Course({ params }) {
  const { slug } = await params;
  const session = await getServerSession(authOptions);
  if (!session) redirect(`/login?callbackUrl=/courses/${slug}`);
  const [course] = await rows('select slug, title, summary from "Course" where slug = $1', slug);
  if (!course) notFound();
  const enrolled = 'select 1 from "Enrolment" where "userId" = $1 and "courseSlug" = $2';
  if (!(await rows(enrolled, session.user.id, slug)).length) return <h1>Not enrolled</h1>;
  const lessons = await rows('select title, minutes from "Lesson" where "courseSlug" = $1 order by position', slug);
  return (
    <>
      <h1>{course.title}</h1>
      <p className="lead">{course.summary}</p>
      <h2>Lessons</h2>
      <ol className="lessons">
        {lessons.map((one) => (
          <li key={one.title}>{`${one.title}, ${one.minutes} min`}</li>
        ))}
      </ol>
    </>
  );
}
