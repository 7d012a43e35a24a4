"""What people say to a run, in whole processes: rules that change under it, glass that is broken, whose turn it is."""

import json
from typing import Any

import pytest
import yaml

from tests.whole.test_process import Checkout, Up, checkout, until_stage, up
from tests.whole.test_walking import own_runbooks

pytestmark = pytest.mark.process
__all__ = ["checkout", "up"]  # fixtures
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def change(checkout: Checkout, section: str, **keys: Any) -> None:
    file = checkout.folder / "deploy.yml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw[section] = {**raw[section], **keys}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")


def newest(checkout: Checkout) -> dict[str, Any]:
    (report,) = json.loads(checkout.run("history", "--json", "--limit", "1"))
    return dict(report)


def test_a_run_whose_rules_were_changed_meanwhile_goes_on_only_with_the_old_ones(checkout: Checkout, up: Up) -> None:
    started = checkout.start("deploy")
    until_stage(started, "smoke")
    started.kill()
    started.communicate()
    run = newest(checkout)["run"]
    change(checkout, "freeze", weekdays=EVERY_DAY)
    said = checkout.run("deploy", "--resume", run, expect=2)
    assert f"run {run}: the policies changed since it began" in said
    assert f"./inv settle --target sandbox --run {run}   goes back" in said
    change(checkout, "freeze", weekdays=[])
    checkout.run("deploy", "--resume", run)
    assert newest(checkout)["outcome"] == "deployed"


def test_broken_glass_is_loud_and_leaves_an_action_that_is_red_until_it_is_done(checkout: Checkout, up: Up) -> None:
    own_runbooks(checkout)
    change(checkout, "freeze", weekdays=EVERY_DAY)
    assert "covers every" in checkout.run("deploy", expect=1)
    said = checkout.run("deploy", "--break-glass", "orders fail")
    assert said.startswith("\n!! GLASS BROKEN by ")
    assert ": orders fail; past calendar.no-freeze\n" in said
    report = newest(checkout)
    assert (report["outcome"], report["glass"]) == ("deployed", "orders fail")
    action = f"{report['run']}-1"
    assert f"actions.yml: is not done: {action}: look at what" in checkout.run("runbooks", "--check", expect=1)
    checkout.run("runbooks.done", action, "--by", "dana")


def test_a_run_waits_for_its_turn_as_long_as_it_was_told_to(checkout: Checkout, up: Up) -> None:
    checkout.run("lock", "incident", "--by", "dana")
    said = checkout.run("deploy", "--lock-wait", "1s", expect=1)
    assert "waiting for another 0:0" in said
    assert "sandbox is locked by dana@" in said
    checkout.run("unlock")
    started = checkout.start("deploy", "--lock-wait", "10m")
    assert started.communicate()[1] == ""
    assert started.returncode == 0
