"""HTML."""

from html import escape


def page(title, body, user=None):
    account = (
        f'<span class="meta">{escape(user["name"])}</span>' if user else '<a href="/login">Sign in</a>'
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · LMS</title>
<link rel="icon" href="/favicon.svg"><link rel="stylesheet" href="/app.css">
</head>
<body>
<header><nav><strong><a href="/">LMS</a></strong><a href="/">Courses</a>{account}</nav></header>
<main>
{body}
</main>
<footer>LMS, a small demonstration app.</footer>
</body>
</html>
"""


def catalogue(courses, user):
    cards = "\n".join(
        f"""<li class="card"><h2><a href="/courses/{escape(one["slug"])}">{escape(one["title"])}</a></h2>
<p>{escape(one["summary"])}</p><p class="meta">{one["lessons"]} lessons · {escape(one["teacher"])}</p></li>"""
        for one in courses
    )
    body = f"""<h1>Courses</h1><p class="lead">Pick one and start with lesson one.</p>
<ul class="courses">
{cards}
</ul>"""
    return page("Courses", body, user)


def course(found, lessons, user):
    items = "\n".join(
        f'<li>{escape(one["title"])} <span class="meta">{one["minutes"]} min</span></li>' for one in lessons
    )
    body = f"""<h1>{escape(found["title"])}</h1><p class="lead">{escape(found["summary"])}</p>
<h2>Lessons</h2>
<ol class="lessons">
{items}
</ol>"""
    return page(found["title"], body, user)


def login(failed):
    wrong = '<p role="alert">Email or password is wrong.</p>' if failed else ""
    body = f"""<h1>Sign in</h1>
<form class="card" method="post" action="/api/auth/callback/credentials">{wrong}
<input type="hidden" name="csrfToken" value="">
<label for="email">Email</label><input id="email" name="email" type="email" autocomplete="username" required>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>
</form>
<script>fetch("/api/auth/csrf").then(r => r.json()).then(t => document.forms[0].csrfToken.value = t.csrfToken)</script>"""
    return page("Sign in", body)


def not_found():
    return page("Not found", '<h1>Not found</h1><p class="lead">There is no such page. <a href="/">All courses</a></p>')


def not_enrolled(user):
    return page("Not enrolled", '<h1>Not enrolled</h1><p class="lead">This course is not one of yours.</p>', user)
