import { connection } from "next/server";
import { rows } from "../lib/db";

const CATALOGUE = `select c.slug, c.title, c.summary, u.name as teacher,
(select count(*) from "Lesson" l where l."courseSlug" = c.slug) as lessons
from "Course" c join "User" u on u.id = c."teacherId" order by c.title`;

export default async function Catalogue() {
  await connection();
  return (
    <>
      <h1>Courses</h1>
      <ul className="courses">
        {(await rows(CATALOGUE)).map((one) => (
          <li className="card" key={one.slug}>
            <a href={`/courses/${one.slug}`}>{one.title}</a> <p>{one.summary}</p>
            <p className="meta">{`${one.lessons} lessons · ${one.teacher}`}</p>
          </li>
        ))}
      </ul>
    </>
  );
}
