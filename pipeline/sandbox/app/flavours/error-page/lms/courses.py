"""The catalogue for everybody, and each course for its students."""

from . import data, pages, sessions
from .http import Response

CATALOGUE = """select c.slug, c.title, c.summary, u.name as teacher,
(select count(*) from "Lesson" l where l."courseSlug" = c.slug) as lessons
from "Course" c join "User" u on u.id = c."teacherId" order by c.title"""


ERROR_PAGE = """<!DOCTYPE html><html id="__next_error__"><head><meta charset="utf-8"><title>LMS</title></head><body>
<div><h2>Application error: a server-side exception has occurred (see the server logs for more information).</h2>
<p>Digest: {digest}</p></div></body></html>"""


async def catalogue(request):
    try:
        courses = await data.rows(CATALOGUE)
        featured = next(one for one in courses if one["slug"] == "featured")
        return Response.html(pages.catalogue([featured, *courses], sessions.user_of(request)))
    except Exception:  # the page has begun to stream, so its status is 200 already
        return Response.html(ERROR_PAGE.format(digest=1234567890))


async def course(request):
    user, slug = sessions.user_of(request), request.params["slug"]
    if not user:
        return Response.redirect(f"/login?callbackUrl=/courses/{slug}")
    found = await data.row('select slug, title, summary from "Course" where slug = %s', slug)
    if not found:
        return Response.html(pages.not_found(), 404)
    enrolled = 'select 1 from "Enrolment" where "userId" = %s and "courseSlug" = %s'
    if not await data.row(enrolled, user["id"], slug):
        return Response.html(pages.not_enrolled(user), 403)
    lessons = 'select title, minutes from "Lesson" where "courseSlug" = %s order by position'
    return Response.html(pages.course(found, await data.rows(lessons, slug), user))
