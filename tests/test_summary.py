"""What did not run is said, in one line, by what the machine lacks."""

from tests.conftest import did_not_run


def test_what_did_not_run_is_one_line_by_what_is_missing() -> None:
    reasons = (
        "there is no `node` on PATH",
        "not installed in tests/npm: @sentry/node; ./inv test --wide",
        "Prisma's schema engine is not installed in tests/schemaengine: ./inv test --wide",
        "there is no Chromium or Chrome on this machine",
        "there is no act to run workflows with, or no git or Node.js for it: ./inv test --wide",
        "the moon is not full",
    )
    assert did_not_run(reasons) == (
        "did not run: 6 tests: 3 want Node.js and the npm packages (./inv test --wide), 1 want Chromium, "
        "1 want act, actionlint and zizmor (./inv test --wide), 1 want the moon is not full"
    )
    assert did_not_run(()) == ""
