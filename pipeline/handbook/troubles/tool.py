"""This tool itself."""

from pipeline.handbook.troubles.trouble import Trouble

TOOL = (
    Trouble(
        "`./inv deploy` exits 2",
        "Nothing was touched",
        "A mistake in what was typed or in `deploy.yml`; each one is printed with its line",
        "Correct it; every key is in the [reference](reference.md)",
    ),
    Trouble(
        "`unknown`: a service could not be asked",
        "A gate neither says yes nor no",
        "The finding says what came back: 401 is a token, a timeout is the network or the vendor",
        "Renew the token (see `.env.example`), or wait. Not being able to look never counts as a yes",
    ),
    Trouble(
        "The target is locked",
        "Exit code 1, the message names who and why",
        "`./inv status --target production`",
        "Ask that person. `./inv unlock --target production` takes the lock away, whoever holds it",
    ),
    Trouble(
        "A run was cut off",
        "`./inv history` shows it without an outcome",
        "`./inv report $RUN` shows how far it came",
        "`./inv settle --run $RUN` goes back, `./inv deploy --resume $RUN` goes on",
        "deployment-failure",
    ),
)
