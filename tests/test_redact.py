"""What goes out is without secrets, wherever in it they stand and however they are quoted."""

import pytest

from pipeline.redact import MASK, Redactor


def test_keys_are_redacted_as_values_are() -> None:
    said = Redactor(["s3cret-token"]).deep({"header s3cret-token": ["x s3cret-token", ({"s3cret-token": 1},)]})
    assert said == {f"header {MASK}": [f"x {MASK}", [{MASK: 1}]]}


def test_the_longest_goes_first_so_that_no_rest_of_it_stays() -> None:
    assert Redactor(["abcd", "abcd-the-rest-of-it"])("say abcd-the-rest-of-it") == f"say {MASK}"


def test_the_domain_of_a_mail_address_is_no_secret() -> None:
    assert Redactor(["student@learn.example.com"])("https://learn.example.com") == "https://learn.example.com"


@pytest.mark.parametrize("form", ["p%40ss%2Fword", "p@ss/word", 'postgres://u:p%40ss%2Fword@h/d"'])
def test_a_password_of_an_address_is_hidden_in_every_spelling(form: str) -> None:
    assert "ss" not in Redactor(["postgres://u:p%40ss%2Fword@h/d", "p@ss/word"])(form).replace("postgres", "")


@pytest.mark.parametrize(
    "secret",
    [
        "abcd",
        "a@b/c d%e#f",
        "postgres://u:p%40ss%2Fword@db.example/d",
        "pässwörd-für-uns",
        '"quoted" & <more>',
        "%%%%////",
    ],
)
def test_every_spelling_of_a_secret_is_found_inside_what_is_written_down(secret: str) -> None:
    hides = Redactor([secret, "another-secret-1234", "another-secret-1235"])
    assert hides._forms
    for form in hides._forms:
        assert hides.deep({"said": ["before", f"-{form}-"]}) == {"said": ["before", f"-{hides(form)}-"]}
        assert MASK in hides(form)
