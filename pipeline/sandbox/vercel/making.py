"""Makes a deployment, whatever its files came from."""

import random
import string
from dataclasses import dataclass, field

from pipeline.sandbox.core import Core
from pipeline.sandbox.vercel import building, life
from pipeline.sandbox.vercel.variables import environment
from pipeline.sandbox.vercelstate import Deployment, FileEntry

IGNORED = (
    'The Deployment has been canceled as a result of running the command defined in the "Ignored Build Step" setting.'
)


@dataclass
class Order:
    """An order says what is to be deployed; ``stuck`` builds never end, ``custom`` is the slug of an environment."""

    files: list[FileEntry]
    target: str | None
    meta: dict[str, str]
    env: dict[str, str] = field(default_factory=dict)
    source: str = "cli"
    auto_assign: bool = True
    prebuilt: bool = False
    stuck: bool = False
    custom: str = ""


def make(core: Core, order: Order) -> Deployment:
    """Make a deployment: it exists from now on, and is READY or failed when its build has had its time."""
    vercel, now = core.state.vercel, core.now()
    branch = order.meta.get("githubCommitRef", "")
    deployment = Deployment(
        id="dpl_" + "".join(random.choices(string.ascii_letters + string.digits, k=24)),
        slot=life.free_slot(vercel, now),
        name=vercel.name,
        created=now,
        target=order.target,
        meta=order.meta,
        files=order.files,
        env={**environment(core, order.custom or order.target or "preview", branch), **order.env},
        takes=core.timing.build,
        auto_assign=order.auto_assign,
        source=order.source,
        stuck=order.stuck,
        custom=order.custom,
    )
    if vercel.settings.get("commandForIgnoringBuildStep") and not order.prebuilt:
        deployment.canceled, deployment.takes = now, 0
        deployment.error = ["", IGNORED]
    else:
        building.build(core, deployment, order.prebuilt)
    vercel.deployments[deployment.id] = deployment
    return deployment
