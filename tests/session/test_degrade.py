"""With VERCEL_TOKEN alone: what can be asked is asked, and what could not be seen is said."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest

from checks import environment, health, source
from pipeline.clients.betterstack import BetterStack
from pipeline.clients.github import GitHub
from pipeline.clients.sentry import Sentry
from pipeline.clock import SystemClock
from pipeline.commands import check, incident, monitor
from pipeline.commands.check import _of_release
from pipeline.commands.incident import Said, open_incident, show_incidents
from pipeline.config import Config, load
from pipeline.errors import Mistake, Unset
from pipeline.incidents.person import Nobody
from pipeline.session.session import LEAST, NO_SECRET, Order, open_session
from pipeline.world.secrets import OPTIONAL, SECRETS, read_secrets

PRODUCTION = """\
source: {repository: shop/web}
errors: {organization: shop, project: web}
target: production
targets:
  production:
    kind: production
    project: web
    domain: shop.example
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a team that has set no secret yet."""
    for name in (*SECRETS, *OPTIONAL):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "deploy.yml").write_text(PRODUCTION, encoding="utf-8")
    return tmp_path


def nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} was asked without a secret")


def test_a_vendor_whose_token_is_not_set_is_not_asked_and_says_so() -> None:
    http, clock = httpx.AsyncClient(transport=httpx.MockTransport(nobody)), SystemClock()
    github = GitHub("https://github.example", "", "shop/web", http, clock)
    asked = {
        "GITHUB_TOKEN": lambda: github.has_commit("c0ffee"),
        "SENTRY_AUTH_TOKEN": Sentry("https://sentry.example", "", "shop", "web", http, clock).environments,
        "BETTERSTACK_API_TOKEN": BetterStack("https://up.example", "", http, clock).monitors,
    }
    for name, ask in asked.items():
        with pytest.raises(Unset, match=f"{name} is not set, so it was not asked"):
            asyncio.run(ask())


def test_an_incident_is_opened_without_any_secret(home: Path) -> None:
    said: list[str] = []
    config = load(home / "deploy.yml")
    open_incident(config, Said(what="the shop is empty"), home, said.append)
    show_incidents(config, Said(), home, said.append, as_json=False, watch=False, check=False)
    assert sum("the shop is empty" in text for text in said) == 2


def test_what_looks_wants_the_token_of_vercel_and_says_what_it_does_not_see(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs_in = "smoke: {journeys: [{name: login, sign_in: nextauth}]}\n"
    config = load(home / "deploy.yml", PRODUCTION + signs_in)
    with pytest.raises(Mistake, match="VERCEL_TOKEN: is not set") as caught, open_session(config, "", home):
        pass
    assert "GITHUB_TOKEN" not in str(caught.value)
    monkeypatch.setenv("VERCEL_TOKEN", "t0ken")
    with open_session(config, "", home) as session:
        unseen = session.unseen
    assert [line.split(": ")[1] for line in unseen] == ["GitHub", "Sentry", "the database", "whether one can sign in"]
    assert "get it from github.com" in unseen[0]


def test_what_asks_many_services_wants_no_secret_and_one_question_only_its_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, order, wanted = load(home / "deploy.yml"), Order(), list[set[str]]()

    def opened(config: Config, target: str, root: Path, needs: Iterable[str] = LEAST) -> None:
        wanted.append({*needs})
        raise Mistake("that is all")

    for module in (check, incident, monitor):
        monkeypatch.setattr(module, "open_session", opened)
    many = (health.is_well_before, environment.required_variables)
    for ask, needs in (
        (lambda: monitor.answer_checklist(config, "", "daily", home, print, "table", print), set()),
        (lambda: monitor.answer_diagnosis(config, "", "", home, print, "table", print), set()),
        (lambda: incident.follow_playbook(config, Said(), "site-down", home, home, Nobody(print), 0), set()),
        (lambda: check.ask_gates(config, order, home, many, print), set()),
        (lambda: check.ask_gates(config, order, home, many[:1], print), set()),
        (lambda: check.ask_gates(config, order, home, many[1:], print), {"VERCEL_TOKEN"}),
    ):
        with pytest.raises(Mistake, match="that is all"):
            ask()
        assert wanted.pop() == needs


def test_without_any_secret_it_is_said_of_vercel_too_that_it_was_not_seen(home: Path) -> None:
    with open_session(load(home / "deploy.yml"), "", home, NO_SECRET) as session:
        assert session.unseen[0].startswith("not seen: Vercel: VERCEL_TOKEN is not set; get it from vercel.com")


def test_only_a_question_about_a_release_wants_one() -> None:
    assert not _of_release((health.is_well_before,), ())
    assert _of_release((source.ci_is_green,), ())


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "shop/web}",
            "https://github.com/shop/web}",
            "deploy.yml:1: source.repository: is 'https://github.com/shop/web'",
        ),
        ("target:", "smoke: {routes: [{path: cart}]}\ntarget:", "deploy.yml:3: smoke.routes[0].path: is 'cart'"),
        ("target:", "health: {path: up}\ntarget:", "deploy.yml:3: health.path: is 'up'"),
        ("target:", "auth: {path: api/auth}\ntarget:", "deploy.yml:3: auth.path: is 'api/auth'"),
        ("shop/web}", "shop/web.git}", "deploy.yml:1: source.repository: is 'shop/web.git'"),
        (
            "project: web\n",
            "project: https://vercel.com/shop/web\n",
            "deploy.yml:7: targets.production.project: is 'https://vercel.com/shop/web'; say its name or its id",
        ),
        (
            "target:",
            "action: shop/tool@main\ntarget:",
            "deploy.yml:3: action: is 'shop/tool@main'; say it as OWNER/NAME@",
        ),
        (
            "target:",
            "smoke: {routes: [{path: 'https://shop.example/about'}]}\ntarget:",
            "deploy.yml:3: smoke.routes[0].path: is 'https://shop.example/about'; a path begins with one slash: /about",
        ),
        (
            "target:",
            "smoke: {routes: [{path: //evil.example/about}]}\ntarget:",
            "deploy.yml:3: smoke.routes[0].path: is '//evil.example/about'; a path begins with one slash: /evil",
        ),
        (
            "organization: shop",
            "organization: 'https://shop.sentry.io'",
            "deploy.yml:2: errors.organization: is 'https://shop.sentry.io'; say its slug in Sentry",
        ),
        ("project: web}", "project: shop/web}", "deploy.yml:2: errors.project: is 'shop/web'; say its slug in Sentry"),
        (
            "target:",
            "database: {neon_project: console.neon.tech/app/projects/x}\ntarget:",
            "deploy.yml:3: database.neon_project: is 'console.neon.tech/app/projects/x'; say its id in Neon",
        ),
        (
            "target:",
            "uptime: {monitor: 'https://uptime.betterstack.com/team/1/monitors/2'}\ntarget:",
            "deploy.yml:3: uptime.monitor: is 'https://uptime.betterstack.com/team/1/monitors/2'; say its id",
        ),
        (
            "target:",
            "environment: {required: [{name: STRIPE_KEY}, {name: stripe-key}]}\ntarget:",
            "deploy.yml:3: environment.required[1].name: is 'stripe-key'; the name of a variable has letters",
        ),
        (
            "project: web\n",
            "project: web\n    team: https://vercel.com/shop\n",
            "deploy.yml:8: targets.production.team: is 'https://vercel.com/shop'; say its id, team_…, or its slug",
        ),
        (
            "shop/web}",
            "shop/web, branch: refs/heads/main}",
            "deploy.yml:1: source.branch: is 'refs/heads/main'; say the branch as GitHub calls it: main",
        ),
        (
            "shop/web}",
            "shop/web, branch: origin/trunk}",
            "deploy.yml:1: source.branch: is 'origin/trunk'; say the branch",
        ),
        (
            "project: web\n",
            "project: web\n    override:\n      health: {path: up}\n",
            "deploy.yml:9: targets.production.override.health.path: is 'up'",
        ),
    ],
)
def test_a_value_that_cannot_be_meant_is_a_mistake_with_its_line(old: str, new: str, line: str, home: Path) -> None:
    (home / "deploy.yml").write_text(PRODUCTION.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(Mistake) as caught:
        load(home / "deploy.yml")
    assert line in str(caught.value)


@pytest.mark.parametrize("value", ["team_REPLACE_ME", "<your team>", "CHANGEME"])
def test_a_placeholder_is_a_mistake_of_the_target_that_is_opened(
    value: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERCEL_TOKEN", "t0ken")
    text = PRODUCTION.replace("project: web\n", f"project: web\n    team: {value!r}\n")
    (home / "deploy.yml").write_text(text, encoding="utf-8")
    config = load(home / "deploy.yml")
    said = rf"deploy.yml:8: targets.production.team: is still the placeholder {value}"
    with pytest.raises(Mistake, match=said), open_session(config, "", home):
        pass


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "shop/web}",
            "owner/REPLACE_ME}",
            "deploy.yml:1: source.repository: is still the placeholder owner/REPLACE_ME",
        ),
        ("shop/web}", "OWNER/NAME}", "deploy.yml:1: source.repository: is still the placeholder OWNER/NAME"),
        ("organization: shop", "organization: <slug>", "deploy.yml:2: errors.organization: is still the placeholder"),
        ("target:", "uptime: {monitor: TODO}\ntarget:", "deploy.yml:3: uptime.monitor: is still the placeholder TODO"),
        (
            "target:",
            "environment: {required: [{name: A}, {name: CHANGE_ME}]}\ntarget:",
            "deploy.yml:3: environment.required[1].name: is still the placeholder",
        ),
        (
            "domain: shop.example",
            "domain: shop.example\n    override: {database: {neon_project: REPLACE_ME}}",
            "deploy.yml:9: targets.production.override.database.neon_project: is still the placeholder",
        ),
    ],
)
def test_a_placeholder_in_any_section_is_a_mistake_of_the_targets_that_use_it(
    old: str, new: str, said: str, home: Path
) -> None:
    text = f"{PRODUCTION.replace(old, new, 1)}  sandbox: {{kind: sandbox}}\n"
    (home / "deploy.yml").write_text(text, encoding="utf-8")
    config = load(home / "deploy.yml")
    assert config.unfilled["sandbox"] == (), "there nothing of yours is asked"
    (line,) = config.unfilled["production"]
    assert line.startswith(said)
    with pytest.raises(Mistake) as caught, open_session(config, "", home, NO_SECRET):
        pass
    assert str(caught.value) == line


def test_words_that_a_page_has_are_no_placeholders(home: Path) -> None:
    text = PRODUCTION.replace(
        "target:", "smoke: {routes: [{path: /, contains: TODO}, {path: /a, contains: <title>}]}\ntarget:"
    )
    (home / "deploy.yml").write_text(text, encoding="utf-8")
    assert load(home / "deploy.yml").unfilled["production"] == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('A=1\nVERCEL_TOKEN="abc\nB=2\n', 2),
        ("export DIRECT_URL='postgresql://u:hunter2\n", 1),
        ('OTHER="abc\n', 0),
        ("", 0),
    ],
)
def test_a_line_of_env_that_cannot_be_read_is_a_mistake_and_not_a_secret_that_is_not_set(
    text: str, line: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VERCEL_TOKEN", raising=False)
    (tmp_path / ".env").write_text(f"{text}GITHUB_TOKEN=ghp_there_is_one\n", encoding="utf-8")
    if not line:
        assert read_secrets(tmp_path)["GITHUB_TOKEN"] == "ghp_there_is_one"
        return
    with pytest.raises(Mistake, match=rf"\.env:{line}: \w+: cannot be read; is a quote missing") as caught:
        read_secrets(tmp_path)
    assert "hunter2" not in str(caught.value)
    assert "abc" not in str(caught.value)
