"""Every pipeline there is: those that ship, the checklists, and the diagnoses."""

from pipeline.definitions.checklists import CHECKLISTS
from pipeline.definitions.deploy import PIPELINES
from pipeline.definitions.diagnoses import DIAGNOSES
from pipeline.engine.plan import Pipeline

EVERY: tuple[Pipeline, ...] = (*PIPELINES.values(), *CHECKLISTS.values(), *DIAGNOSES.values())
GATES = tuple(dict.fromkeys(gate for pipeline in EVERY for gate in pipeline.gates))
