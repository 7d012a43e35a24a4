"""Every generated document, from the code, ``deploy.yml`` and the hand-written prose."""

import json
from collections.abc import Mapping, Sequence

from pipeline.commands.catalogue import Command
from pipeline.config import DeployFile, Policies, schema
from pipeline.definition import DEPLOY, PREVIEW, ROLLING
from pipeline.pipelines import EVERY
from pipeline.render.incidents import incident_response
from pipeline.render.monitoring import monitoring
from pipeline.render.reference import reference
from pipeline.render.runbook import runbook
from pipeline.render.troubleshooting import troubleshooting

PROSE = ("friday", "paged", "tabletop", "zero-downtime")
"""Names of the hand-written texts that have a place in the documents."""


def documents(
    file: DeployFile, policies: Policies, prose: Mapping[str, str], commands: Sequence[Command]
) -> dict[str, str]:
    """Path from the root → text. ``prose``: name of a file in ``runbooks/prose/``, without ``.md`` → its text."""
    written = {name: text.strip() for name, text in prose.items()}
    keys = schema()
    return {
        "runbooks/deployment-runbook.md": runbook(DEPLOY, PREVIEW, ROLLING, file, policies, written),
        "runbooks/incident-response.md": incident_response(file, policies, written),
        "runbooks/troubleshooting.md": troubleshooting(file, policies),
        "runbooks/monitoring.md": monitoring(file, policies),
        "runbooks/reference.md": reference(EVERY, file, policies, keys, commands),
        "runbooks/deploy.schema.json": json.dumps(keys, indent=2, ensure_ascii=False) + "\n",
    }
