"""``invoke doctor``: opens a target with whatever secrets there are, and says what is missing or wrong."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from pipeline.adoption.consultation import Consultation, without_malformed, without_unfilled
from pipeline.adoption.doctor import examined
from pipeline.adoption.symptoms import Symptom, exit_code
from pipeline.clock import SystemClock
from pipeline.config import Config
from pipeline.engine.readings import Round
from pipeline.record.journal import new_run_id
from pipeline.redact import Redactor
from pipeline.render.doctor import symptoms_text
from pipeline.session.asking import READERS
from pipeline.session.session import NOTHING
from pipeline.world.opening import open_settings, open_world


def doctor(
    config: Config, target: str, root: Path, folder: Path, out: Callable[[str], None], *, as_json: bool = False
) -> int:
    """Examine ``target`` and print what was found; gives the exit code. ``folder``: where the app's packages are.

    Raises Mistake for a target that deploy.yml does not describe.
    """
    clock = SystemClock()

    async def go() -> tuple[Symptom, ...]:
        run = f"doctor-{new_run_id(clock.now())}"
        async with (
            open_world(sound, NOTHING, run, clock) as world,
            Round(world, settings.policies, READERS) as look,
        ):
            return await examined(Consultation(world, sound, config, look, root, folder, malformed, unfilled))

    with open_settings(config, target, root, needs=(), unfinished=True) as settings:
        redactor = Redactor(settings.hidden)
        sound, malformed = without_malformed(settings)
        sound, unfilled = without_unfilled(sound, config)
        symptoms = asyncio.run(go())
    code = exit_code(symptoms)
    if as_json:
        shown = {"target": settings.name, "exit_code": code, "symptoms": [one.plain for one in symptoms]}
        out(redactor(json.dumps(shown, ensure_ascii=False)))
    else:
        out(redactor(symptoms_text(settings.name, symptoms)))
    return code
