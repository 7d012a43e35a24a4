#!/bin/sh
# invoke 3.0.3: to read a task's arguments takes their help texts out of it. `Task.get_arguments()` pops each text from the task's own
# `help`, so the second who asks (a completion beside a page of documentation, a test beside the program) gets the same flags without a
# word about any of them, and nothing says that there were some. `Collection.to_contexts()` does it for every task at once.
#
# Seen (Python 3.11): the first to_contexts() says "which one" of --name, the second says nothing (None); task.help is {} after the first.
# This script fails when the second reading has the help, too.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install invoke==3.0.3
"$folder/venv/bin/python" - <<'PYTHON'
import invoke
from invoke import Collection, task


@task(help={"name": "which one"})
def greet(c, name=""):
    pass


tasks = Collection(greet)
said = [tasks.to_contexts()[0].args["name"].help for _ in range(2)]
print(invoke.__version__, said, greet.help)
assert said == ["which one", None], "the help is still there"
assert greet.help == {}
PYTHON
echo "still so"
