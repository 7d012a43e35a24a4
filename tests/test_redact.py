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
