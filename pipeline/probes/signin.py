"""The ready ways to sign in, as the steps that anybody could have declared.

NextAuth 4: https://next-auth.js.org/getting-started/rest-api · Auth.js 5 answers with JSON when it is asked by
``X-Auth-Return-Redirect``, as its own client asks: packages/next-auth/src/react.tsx of nextauthjs/next-auth.
"""

from checks.policy import DeclaredJourney, Expected, JourneyStep, KeptValue

WHO = ("user",)


def steps_of(journey: DeclaredJourney) -> tuple[JourneyStep, ...]:
    """The steps that sign in by a form: the token against forgery, the callback, then a session that names somebody."""
    if journey.sign_in not in ("nextauth", "authjs"):
        return ()
    how = journey.using
    further = {"X-Auth-Return-Redirect": "1"} if journey.sign_in == "authjs" else {}
    form = {"csrfToken": "{csrf_token}", **how.fields, "callbackUrl": "{site}"}
    return (
        JourneyStep(f"{how.path}/csrf", "csrf", keep={"csrf_token": KeptValue(json="csrfToken")}),
        JourneyStep(
            f"{how.path}/callback/{how.provider}",
            "sign in",
            "POST",
            form={**form, **({} if further else {"json": "true"})},
            headers=further,
            follow=False,
        ),
        JourneyStep(f"{how.path}/session", "session", expect=Expected(has=WHO)),
    )
