"""Does what ``smoke.journeys`` declares, as one user would: one request after the other, with the same cookies."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from checks.evidence import Journey
from checks.policy import DeclaredJourney, Expected, JourneyStep, SmokePolicy
from checks.policy.journeys import PLACE, VARIABLE, texts_in, variables_in
from pipeline.clients.walk import Sent, SiteWalk, same_origin
from pipeline.errors import Unreachable
from pipeline.probes.expecting import kept_of, place_of, short, wrong_with
from pipeline.probes.signin import steps_of
from pipeline.redact import Redactor
from pipeline.world.world import World

SHORTEST_KEPT = 6
"""Characters from which a kept value is hidden in what is said."""

FILLED = re.compile(f"{VARIABLE.pattern}|{PLACE.pattern}")


class _Failed(Exception):
    """Raised when a journey ended early: at which step, and what was seen. ``unseen``: nothing was learnt."""

    def __init__(self, place: str, says: str, *, unseen: bool = False) -> None:
        super().__init__(f"{place}: {says}")
        self.place, self.says, self.unseen = place, says, unseen


async def journeys_at(world: World, site: str, policy: SmokePolicy) -> tuple[Journey, ...]:
    """Do every journey at ``site``, those that sign in and those behind it. Raises Unreachable when nothing was learnt.

    That is when names or certificates fail, when a firewall answers, or when a variable is not set.
    """
    return await done_at(world, site, policy, policy.journeys)


async def nothing_live_yet(world: World, site: str) -> bool:
    """Whether this is a sandbox before the first release of one's own app, whose placeholder knows no user."""
    return world.own and (await world.visitor.get(site)).is_placeholder


async def done_at(
    world: World, site: str, policy: SmokePolicy, journeys: tuple[DeclaredJourney, ...]
) -> tuple[Journey, ...]:
    """Do some of the journeys. All together may take ``policy.budget`` seconds. Raises Unreachable, as above."""
    clock, until = world.clock, world.clock.monotonic() + policy.budget
    done = []
    async with world.visitor.walk(site, policy.request) as walk:
        given = {"site": site, "now": clock.now().isoformat()}
        user = _User(walk, site, given, world.visitor.variables)
        for journey in journeys:
            began = clock.monotonic()
            failed = await _tried(user, journey, max(0.0, until - began))
            if failed and failed.unseen:
                raise Unreachable("site", f"{journey.name} at {site}", failed.says)
            ms = round((clock.monotonic() - began) * 1000)
            done.append(Journey(journey.name, failed.place if failed else "", failed.says if failed else "", ms))
    return tuple(done)


async def _tried(user: "_User", journey: DeclaredJourney, within: float) -> _Failed | None:
    """Do one journey; why it did not go well, or None."""
    try:
        async with asyncio.timeout(within):
            await user.does(journey)
    except TimeoutError:
        return _Failed("the budget", "no time was left for it")
    except _Failed as failed:
        return failed
    return None


class _User:
    """Somebody on the way: what was kept so far, and the variables that may be sent."""

    def __init__(self, walk: SiteWalk, site: str, given: Mapping[str, str], variables: Mapping[str, str]) -> None:
        self._walk, self._site, self._given, self._variables = walk, site, given, variables
        self._kept = dict(given)

    async def does(self, journey: DeclaredJourney) -> None:
        """Do the steps of ``journey``. Raises _Failed at the first that goes wrong."""
        unset = [name for name in variables_in(journey) if not self._variables.get(name)]
        if unset:
            raise _Failed(journey.name, f"{' and '.join(unset)} not set, so nobody tried it", unseen=True)
        if journey.fresh:
            self._walk.forget()
            self._kept = dict(self._given)
        self._present(journey)
        for step in (*steps_of(journey), *journey.steps):
            await self._takes(step, of_sign_in=step not in journey.steps)

    def _present(self, journey: DeclaredJourney) -> None:
        """Show from now on what says who this is, when that is a cookie or a header."""
        if journey.sign_in == "cookie":
            self._walk.give(journey.using.cookie, self._filled(journey.sent_to_sign_in))
        elif journey.sign_in == "bearer":
            self._walk.headers[journey.using.header] = self._filled(journey.sent_to_sign_in)

    async def _takes(self, step: JourneyStep, *, of_sign_in: bool) -> None:
        came = await self._walk.send(self._sent(step))
        if came.page.unseen:
            raise _Failed(step.title, came.page.failure, unseen=True)
        says = wrong_with(step, self._expected(step.expect), came)
        if says:
            if of_sign_in and step.expect.has:
                says = f"there is no session after signing in: {says}"
            raise _Failed(step.title, self._cleaned("; ".join((says, *self._walk.unsent))))
        cookies = {where.cookie: self._walk.cookie(where.cookie) for where in step.keep.values() if where.cookie}
        for name, where in step.keep.items():
            value = kept_of(where, came.page, cookies)
            if not value:
                raise _Failed(step.title, self._cleaned(f"has {place_of(where)} to keep as {{{name}}}"))
            self._kept[name] = value

    def _sent(self, step: JourneyStep) -> Sent:
        path = self._filled(step.path)
        url = path if "://" in path else self._site + path
        if not same_origin(url, self._site) and any(
            VARIABLE.search(text) for text in texts_in((step.headers, step.form, step.json, step.file, step.body))
        ):
            raise _Failed(step.title, f"would send a variable to {short(url)}; those go to the site alone")
        file = step.file
        return Sent(
            step.verb,
            url,
            self._all_filled(step.headers),
            self._all_filled(step.form),
            self._all_filled(step.json),
            (file.field, file.name, self._filled(file.content), file.type) if file else None,
            self._filled(step.body),
            step.follow,
        )

    def _expected(self, expected: Expected) -> Expected:
        return Expected(**{name: self._all_filled(value) for name, value in vars(expected).items()})

    def _filled(self, text: str) -> str:
        """``text`` with the variables and kept values in their places; what stands in a value itself stays."""
        return FILLED.sub(self._value, text)

    def _value(self, found: re.Match[str]) -> str:
        variable, place = found[1] or found[2], found[3]
        return self._variables.get(variable, "") if variable else self._kept.get(place, found[0])

    def _all_filled(self, value: Any) -> Any:
        """The same with every text in ``value``, whatever it is made of."""
        if isinstance(value, str):
            return self._filled(value)
        if isinstance(value, dict):
            return {self._filled(str(key)): self._all_filled(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(map(self._all_filled, value))
        return value

    def _cleaned(self, says: str) -> str:
        """``says`` without what is secret or was kept."""
        says = Redactor(self._variables.values())(says)
        for name, value in self._kept.items():
            if name not in self._given and len(value) >= SHORTEST_KEPT:
                says = says.replace(value, f"{{{name}}}")
        return says
