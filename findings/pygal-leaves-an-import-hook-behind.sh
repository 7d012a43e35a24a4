#!/bin/sh
# pygal 3.1.3 puts an object of its own (PluginImportFixer, for maps that come as packages) at the end of sys.meta_path and
# leaves it there. It has only find_module(), so Python 3.11 gives an ImportWarning for every module that no other finder
# knows, in code that has nothing to do with charts: an optional import inside a `try` warns, and under `-W error` it raises
# ImportWarning, which is no ImportError, so the fallback beside it is not taken.
#
# Seen (Python 3.11.7): `try: import a_package_that_is_not_there` / `except ImportError` goes on before pygal was imported,
# and ends with ImportWarning after it, both with -W error.
# This script fails when pygal takes its hook away, or when this Python no longer asks such a hook (3.12 and newer do not).
set -eu
python3 -c 'import sys; sys.exit(sys.version_info >= (3, 12))' || { echo "did not run: Python 3.12 and newer ignore such a hook"; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pygal==3.1.3
cat >"$folder/optional.py" <<'PYTHON'
import sys, warnings
if "pygal" in sys.argv:
    import pygal
warnings.simplefilter("error")
try:
    import a_package_that_is_not_there
except ImportError:
    print("went on without it")
except ImportWarning as warning:
    print("ImportWarning:", warning)
PYTHON
before=$("$folder/venv/bin/python" "$folder/optional.py")
after=$("$folder/venv/bin/python" "$folder/optional.py" pygal)
echo "before pygal: $before"
echo "after pygal:  $after"
[ "$before" = "went on without it" ]
case $after in "ImportWarning: PluginImportFixer"*) ;; *) echo "pygal leaves no such hook any more"; exit 1 ;; esac
