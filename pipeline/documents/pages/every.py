"""Every generated document, from the code, ``deploy.yml`` and the hand-written prose."""

import json
from collections.abc import Mapping, Sequence

from checks.gate import Gate
from pipeline.config import DeployFile, Policies, schema
from pipeline.definitions.deploy import DEPLOY, PREVIEW, ROLLING
from pipeline.definitions.every import EVERY
from pipeline.definitions.own import placed
from pipeline.documents.answers import answers_schema
from pipeline.documents.catalogue import CommandWords
from pipeline.documents.pages.drill import facilitator_sheet, overview, participant_sheet
from pipeline.documents.pages.incidents import incident_response
from pipeline.documents.pages.monitoring import monitoring
from pipeline.documents.pages.reference import reference
from pipeline.documents.pages.runbook import runbook
from pipeline.documents.pages.troubleshooting import troubleshooting
from pipeline.drills.scenario import scenarios
from pipeline.render.aiming import aimed

PROSE = ("friday", "paged", "tabletop", "zero-downtime")
"""Names of the hand-written texts that have a place in the documents."""


def documents(
    file: DeployFile,
    policies: Policies,
    prose: Mapping[str, str],
    commands: Sequence[CommandWords],
    own: Sequence[Gate] = (),
) -> dict[str, str]:
    """Path from the root → text, of each page.

    ``prose``: name of a file in ``runbooks/prose/``, without ``.md`` → its text. ``own``: the home's own gates.
    """
    written = dict.fromkeys(PROSE, "") | {name: text.strip() for name, text in prose.items()}
    keys = schema()
    deploy, preview, rolling = (placed(pipeline, own) for pipeline in (DEPLOY, PREVIEW, ROLLING))
    of_production = {
        "runbooks/deployment-runbook.md": runbook(deploy, preview, rolling, file, policies, written),
        "runbooks/incident-response.md": incident_response(file, policies, written),
        "runbooks/troubleshooting.md": troubleshooting(file, policies),
        "runbooks/monitoring.md": monitoring(file, policies),
    }
    return {
        **{name: aimed(text, "production") for name, text in of_production.items()},
        "runbooks/reference.md": reference(
            [placed(pipeline, own) for pipeline in EVERY], file, policies, keys, commands
        ),
        **_drills(),
        "runbooks/deploy.schema.json": json.dumps(keys, indent=2, ensure_ascii=False) + "\n",
        "runbooks/answers.schema.json": json.dumps(answers_schema(), indent=1, ensure_ascii=False) + "\n",
    }


def _drills() -> dict[str, str]:
    """Two sheets for each drill, and the page that lists them."""
    found = {"runbooks/drills/README.md": overview(scenarios().values())}
    for name, scenario in scenarios().items():
        found[f"runbooks/drills/{name}.participant.md"] = participant_sheet(scenario)
        found[f"runbooks/drills/{name}.facilitator.md"] = facilitator_sheet(scenario)
    return found
