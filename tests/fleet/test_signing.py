"""Who may give which order: signed when it is given, and asked again by every worker before it begins a project."""

import asyncio
import dataclasses
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands import fleetsigned
from pipeline.commands.fleetsigned import OPEN, go_on, signed_order
from pipeline.errors import Mistake
from pipeline.fleet import working
from pipeline.fleet.ends import LOST, REFUSED, ProjectEnd
from pipeline.fleet.file import load_fleet
from pipeline.fleet.order import BEGINS, OrderAction, OrderPlan, OrderState, plan_from
from pipeline.fleet.ordering import back_plan, deploy_plan, give, order_state, rollback_plan
from pipeline.fleet.place import Fleet
from pipeline.fleet.queue import FleetJob, Unfit
from pipeline.fleet.signing import FleetPermits, order_text
from pipeline.fleet.waves import GroupBound, PlannedWave
from pipeline.record.journal import events_of, plain
from pipeline.record.place import Place
from pipeline.record.store import open_store
from pipeline.render.fleet import event_line

needs_keys = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="there is no ssh-keygen: install openssh-client")
PEOPLE = ("dana", "lee", "sam")
YAML = """\
name: acme
signers: keys
people: {leads: [lee]}
may: {deploy: [dana, sam], agree: [leads, dana]}
groups:
  shops: {may: {deploy: [dana], rollback: [leads]}}
waves:
  - {name: first, count: 1}
  - {name: second, approval: true}
projects:
  shop: {home: shop, group: shops}
  blog: {home: blog}
"""
WELL = ProjectEnd("deployed", staged="dpl_new", before="dpl_old")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the keys of three people, the file that knows them, and the key of a stranger."""
    folder = tmp_path_factory.mktemp("keys")
    for name in (*PEOPLE, "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    lines = [f"{name},{name}@example.com {(folder / name).with_suffix('.pub').read_text()}" for name in PEOPLE]
    (folder / "keys").write_text("".join(lines))
    return folder


class Orders:
    """A fleet with a record, without a queue; a project that is carried ends well."""

    def __init__(self, folder: Path, keys: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.copy(keys / "keys", folder / "keys")
        (folder / "fleet.yml").write_text(text)
        for name in ("shop", "blog"):
            (folder / name).mkdir()
        self.keys, self.carried = keys, list[str]()
        store = open_store("", folder)
        self.fleet = Fleet(folder, load_fleet(folder / "fleet.yml"), store, Place("", ""), "")
        monkeypatch.setattr(working, "carry", self.carry)
        monkeypatch.setenv("GITHUB_ACTOR", "dana")

    async def carry(self, nursery: Any, words: list[str], *more: Any) -> ProjectEnd:
        self.carried.append(next(Path(words[at + 1]).name for at, one in enumerate(words) if one == "--home"))
        return WELL

    def key(self, name: str) -> str:
        return str(self.keys / name)

    def given(self, key: str, **changed: Any) -> OrderState:
        """An order to all, signed by ``key``; then changed by somebody who can write to the record."""
        plan = signed_order(self.fleet, deploy_plan(self.fleet.file, self.fleet.file.projects, "dana"), self.key(key))
        give(self.fleet, dataclasses.replace(plan, **changed))
        return order_state(self.fleet.store, plan.order)

    def worked(self, plan: OrderPlan, project: str) -> ProjectEnd:
        """What a worker that has just begun writes down of a project."""
        worker = working.FleetWorker(self.fleet)
        asyncio.run(worker.do(FleetJob(plan.order, project)))
        end = order_state(self.fleet.store, plan.order).parts[project].end
        assert end
        return end

    def agree(self, state: OrderState, name: str, key: str) -> None:
        state.waves_begun = 1
        go_on(self.fleet, state, name, self.key(key))


@pytest.fixture
def orders(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> Orders:
    return Orders(tmp_path, keys, YAML, monkeypatch)


@needs_keys
def test_who_may_not_is_told_before_anything_begins_and_who_may_is_written_down(orders: Orders) -> None:
    with pytest.raises(Mistake, match=r"sam may not deploy shops: groups\.shops\.may\.deploy names dana"):
        orders.given("sam")
    with pytest.raises(Mistake, match="keys has no such key"):
        orders.given("stranger")
    state = orders.given("dana")
    assert state.plan.by == "dana"
    assert orders.worked(state.plan, "shop") == WELL
    assert orders.carried == ["shop"]
    back = rollback_plan(orders.fleet.file, order_state(orders.fleet.store, state.plan.order), ["shop"], "dana")
    with pytest.raises(Mistake, match="dana may not rollback shops"):
        signed_order(orders.fleet, back, orders.key("dana"))
    signed = signed_order(orders.fleet, back, orders.key("lee"))
    assert (signed.by, bool(signed.proof)) == ("lee", True)


@needs_keys
def test_who_may_not_take_back_gives_no_order_that_takes_back_by_itself(orders: Orders) -> None:
    file = dataclasses.replace(orders.fleet.file, when_spent="roll back all")
    plan = deploy_plan(file, file.projects, "dana")
    with pytest.raises(Mistake, match="dana may not rollback shops"):
        FleetPermits(orders.fleet.root, file).signed(plan, Path(orders.key("dana")))


@needs_keys
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"budget": 99}, "its signature is of something else"),
        ({"flags": ("--over-rollback",)}, "its signature is of something else"),
        ({"settings": {}}, "its signature is of something else"),
        ({"by": "lee"}, "its signature is of something else"),
        ({"proof": ""}, "it is signed by nobody"),
        ({"proof": "AAAA"}, "no such key"),
    ],
)
def test_an_order_that_was_changed_is_refused_by_every_worker(
    orders: Orders, changed: Mapping[str, Any], says: str
) -> None:
    state = orders.given("dana", **changed)
    end = orders.worked(state.plan, "shop")
    assert (end.outcome, orders.carried) == (REFUSED, [])
    assert says in end.reason
    with pytest.raises(Mistake, match=says):
        go_on(orders.fleet, state, "", orders.key("dana"))


@needs_keys
@pytest.mark.parametrize(("fleet", "says"), [("other", "it is of the fleet other"), ("", "it names no fleet")])
def test_an_order_of_another_fleet_with_the_same_keys_or_of_none_is_refused(
    orders: Orders,
    tmp_path_factory: pytest.TempPathFactory,
    keys: Path,
    monkeypatch: pytest.MonkeyPatch,
    fleet: str,
    says: str,
) -> None:
    other = Orders(tmp_path_factory.mktemp("other"), keys, YAML.replace("acme", "other"), monkeypatch)
    named = dataclasses.replace(other.fleet, file=dataclasses.replace(other.fleet.file, name=fleet))
    plan = signed_order(named, deploy_plan(named.file, named.file.projects, "dana"), other.key("dana"))
    give(orders.fleet, plan)
    end = orders.worked(plan, "shop")
    assert (end.outcome, orders.carried) == (REFUSED, [])
    assert f"{says}, and this one is acme; it has to be said anew here" in end.reason
    with pytest.raises(Mistake, match=says):
        go_on(orders.fleet, order_state(orders.fleet.store, plan.order), "", orders.key("dana"))
    written = order_state(orders.fleet.store, plan.order)
    changed = dataclasses.replace(written.plan, fleet="acme")
    why = FleetPermits(orders.fleet.root, orders.fleet.file).refusal(changed, "shop", ())
    assert "its signature is of something else" in why


OTHERS = (
    ("  blog: {home: blog}", "  blog: {home: blog, override: {health: {path: /other}}}", ["blog"]),
    ("  blog: {home: blog}", "  blog: {home: blog, target: other}", ["blog"]),
    ("  blog: {home: blog}", "  blog: {home: blog, ships: other}", ["blog"]),
    ("  shops: {may", "  shops: {share: {health: {path: /other}}, may", ["shop"]),
    ("name: acme", "name: acme\nshare: {pace: {watch: {during: 1s}}}", ["shop", "blog"]),
    ("name: acme", "name: acme\nat_once: 9", []),
    ("  blog: {home: blog}", "  blog: {home: blog, labels: {tier: one}}", []),
)


@needs_keys
@pytest.mark.parametrize(("here", "there", "whom"), OTHERS)
def test_a_worker_whose_fleet_yml_is_another_one_leaves_the_projects_that_it_would_deploy_otherwise(
    tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch, here: str, there: str, whom: list[str]
) -> None:
    text = YAML.replace("may: {deploy: [dana, sam], agree: [leads, dana]}\n", "")
    text = text.replace("may: {deploy: [dana], rollback: [leads]}", "at_once: 7").replace(", approval: true", "")
    orders = Orders(tmp_path, keys, text, monkeypatch)
    plan = deploy_plan(orders.fleet.file, orders.fleet.file.projects, "dana")
    give(orders.fleet, plan)
    (tmp_path / "fleet.yml").write_text(text.replace(here.replace("may", "at_once"), there.replace("may", "at_once")))
    fleet = dataclasses.replace(orders.fleet, file=load_fleet(tmp_path / "fleet.yml"))
    left = []
    for name in plan.projects:
        for _ in range(2):  # a worker that is begun again, with the same file
            worker = working.FleetWorker(fleet)
            try:
                asyncio.run(worker.do(FleetJob(plan.order, name)))
            except Unfit:
                left.append(name)
                assert worker.differs.startswith(f"{name}: its target, ships, share or override in the fleet.yml here")
    assert (left, orders.carried) == (
        [name for name in whom for _ in range(2)],
        [name for name in plan.projects if name not in whom],
    )
    state, events = order_state(fleet.store, plan.order), events_of(fleet.store, plan.order)
    assert [name for name, part in state.parts.items() if part.times] == orders.carried
    told = [line for event in events if "left by a worker of" in (line := event_line(event, plan))]
    assert len(told) == bool(whom)
    if whom:
        with pytest.raises(Mistake, match=rf"fleet.yml says something else now .* of {', '.join(whom)}; put that back"):
            go_on(fleet, state, "", "")
    else:
        go_on(fleet, state, "", "")
    back = back_plan(orders.fleet.file, plan.order, {"blog": WELL}, "dana", {})
    give(fleet, back)
    asyncio.run(working.FleetWorker(fleet).do(FleetJob(back.order, "blog")))
    assert orders.carried[-1] == "blog"  # the way back asks nobody


@needs_keys
def test_a_project_that_was_begun_under_an_order_that_counts_no_more_is_left_for_a_person(orders: Orders) -> None:
    state = orders.given("dana")
    orders.fleet.journal(state.plan.order).append("project begins", "shop", worker="dead")
    (orders.fleet.root / "keys").write_text("")
    end = orders.worked(state.plan, "shop")
    assert (end.outcome, orders.carried) == (LOST, [])
    assert "it was begun, and is not gone on with" in end.reason


@needs_keys
def test_a_job_for_a_project_that_the_order_does_not_name_is_not_done(orders: Orders) -> None:
    state = orders.given("dana")
    assert "does not name it" in FleetPermits(orders.fleet.root, orders.fleet.file).refusal(state.plan, "other", ())


@needs_keys
def test_a_wave_waits_for_the_signed_yes_of_somebody_else_who_may(orders: Orders) -> None:
    state = orders.given("dana")
    with pytest.raises(Mistake, match="dana gave the order; somebody else agrees to second"):
        orders.agree(state, "dana", "dana")
    with pytest.raises(Mistake, match="this key is of sam"):
        orders.agree(state, "lee", "sam")
    with pytest.raises(Mistake, match=r"sam may not agree these projects: may\.agree names leads, dana"):
        orders.agree(state, "sam", "sam")
    orders.agree(state, "Lee", "lee")
    written = order_state(orders.fleet.store, state.plan.order)
    assert written.approved == {"second": "Lee"}
    assert orders.worked(state.plan, "blog") == WELL


@needs_keys
def test_a_yes_that_nobody_has_signed_lets_no_project_of_the_wave_begin(orders: Orders) -> None:
    state = orders.given("dana")
    permits, journal = FleetPermits(orders.fleet.root, orders.fleet.file), orders.fleet.journal(state.plan.order)
    assert permits.refusal(state.plan, "blog", ()) == "nobody agreed to second"
    journal.append("wave approved", "second", by="lee", at="now")
    events = events_of(orders.fleet.store, state.plan.order)
    assert "signed by nobody" in permits.refusal(state.plan, "blog", events)
    other = orders.given("dana")
    orders.agree(other, "lee", "lee")
    body = (
        order_state(orders.fleet.store, other.plan.order) and events_of(orders.fleet.store, other.plan.order)[-1].body
    )
    journal.append("wave approved", "second", exact=body)
    assert "of something else" in permits.refusal(state.plan, "blog", events_of(orders.fleet.store, state.plan.order))


@needs_keys
def test_who_goes_on_with_an_order_may_do_so_and_is_written_down(orders: Orders) -> None:
    state = orders.given("dana")
    with pytest.raises(Mistake, match="sam may not deploy shops"):
        go_on(orders.fleet, state, "", orders.key("sam"))
    go_on(orders.fleet, state, "", orders.key("dana"))
    assert order_state(orders.fleet.store, state.plan.order).resumed == ["dana"]


@needs_keys
def test_without_may_anybody_may_and_that_is_said(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = Orders(tmp_path, keys, "projects: {shop: {home: shop}, blog: {home: blog}}", monkeypatch)
    said: list[str] = []
    plan = signed_order(orders.fleet, deploy_plan(orders.fleet.file, ["shop"], "x"), "", said.append)
    assert (said, plan.proof) == ([OPEN], "")
    give(orders.fleet, plan)
    assert orders.worked(plan, "shop") == WELL
    assert fleetsigned.who() == "dana"


def test_an_order_reads_the_same_after_the_record_has_kept_it() -> None:
    plan = OrderPlan("o", OrderAction.DEPLOY, (), 4, 1, by="a  b", back_to={"x": WELL})
    body = json.loads(json.dumps({**plain(vars(plan)), "action": "deploy", "budget": 1.0}))
    assert order_text(plan_from("o", body)) == order_text(plan)
    assert BEGINS not in order_text(plan)
    assert order_text(dataclasses.replace(plan, at_once=5)) != order_text(plan)


def test_who_is_named_and_nobody_knows_is_said_with_the_line(tmp_path: Path) -> None:
    text = """\
projects: {a: {home: a, group: g}}
name: acme
signers: keys
people: {ops: [dana, kim]}
may:
  deploy: [ops, lee]
  rollback: []
groups:
  g: {may: {agree: [nobody, "SHA256:abc"]}}
"""
    (tmp_path / "fleet.yml").write_text(text)
    (tmp_path / "keys").write_text("dana ssh-ed25519 AAAA\n")
    with pytest.raises(Mistake) as caught:
        load_fleet(tmp_path / "fleet.yml")
    assert [line.split(": ")[:2] for line in str(caught.value).splitlines()] == [
        ["fleet.yml:4", "people.ops[1]"],
        ["fleet.yml:6", "may.deploy[1]"],
        ["fleet.yml:7", "may.rollback"],
        ["fleet.yml:9", "groups.g.may.agree[0]"],
    ]
    (tmp_path / "keys").unlink()
    with pytest.raises(Mistake, match=r"fleet.yml:3: signers: there is no keys"):
        load_fleet(tmp_path / "fleet.yml")


def test_an_order_of_a_version_that_knew_less_is_signed_over_what_it_said() -> None:
    plan = OrderPlan("o", OrderAction.DEPLOY, (PlannedWave("rest", ("a",)),), 1, 0)
    text = order_text(plan)
    assert text == order_text(dataclasses.replace(plan, bounds=()))
    assert text != order_text(dataclasses.replace(plan, fleet="acme"))
    assert text != order_text(dataclasses.replace(plan, settings={"a": "0"}))
    assert text != order_text(dataclasses.replace(plan, bounds=(GroupBound("shops", 1, ("a",)),)))
    assert "plan: a3997d6e7c5094f3" in text
