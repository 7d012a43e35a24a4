"""A text is found as people read it."""

import pytest

from pipeline.clients.reading import begins, reads


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<h1>Post <!-- -->hello</h1>", "Post hello"),
        ("<p>Tom &amp; Ada&#x27;s <b>course</b></p>", "Tom & Ada's course"),
        ("<p>two\n   lines</p>", "two lines"),
        ('{"status":"ok"}', '"ok"'),
        ('<main id="shop">', 'id="shop"'),
        ("anything", ""),
    ],
)
def test_a_text_is_found_as_it_was_sent_or_as_it_is_read(page: str, text: str) -> None:
    assert reads(page, text)


@pytest.mark.parametrize("page", ["<script>var x = 'Post\thello'</script>", "<p>Post</p>", "<!-- Post  hello -->", ""])
def test_what_nobody_sees_does_not_count_as_read(page: str) -> None:
    assert not reads(page, "Post hello")


def test_how_a_page_begins_is_short_and_without_markup() -> None:
    assert begins("<title>Sign&nbsp;in</title><p>please</p>") == "Sign in please"
    assert begins("<p>" + "word " * 40) == "word " * 15 + "word…"
