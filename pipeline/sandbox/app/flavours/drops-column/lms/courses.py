"""The catalogue for everybody, and each course for its students."""

from . import data, pages, sessions
from .http import Response

CATALOGUE = """select c.slug, c.title, '' as summary, u.name as teacher,
(select count(*) from "Lesson" l where l."courseSlug" = c.slug) as lessons
from "Course" c join "User" u on u.id = c."teacherId" order by c.title"""


async def catalogue(request):
    return Response.html(pages.catalogue(await data.rows(CATALOGUE), sessions.user_of(request)))


async def course(request):
    user, slug = sessions.user_of(request), request.params["slug"]
    if not user:
        return Response.redirect(f"/login?callbackUrl=/courses/{slug}")
    found = await data.row("select slug, title, '' as summary from \"Course\" where slug = %s", slug)
    if not found:
        return Response.html(pages.not_found(), 404)
    enrolled = 'select 1 from "Enrolment" where "userId" = %s and "courseSlug" = %s'
    if not await data.row(enrolled, user["id"], slug):
        return Response.html(pages.not_enrolled(user), 403)
    lessons = 'select title, minutes from "Lesson" where "courseSlug" = %s order by position'
    return Response.html(pages.course(found, await data.rows(lessons, slug), user))
