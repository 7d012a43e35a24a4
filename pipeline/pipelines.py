"""Every pipeline there is: those that ship, the checklists, and the diagnoses."""

from pipeline.definition import PIPELINES
from pipeline.monitoring.checklists import CHECKLISTS
from pipeline.monitoring.diagnoses import DIAGNOSES
from pipeline.plan import Pipeline

EVERY: tuple[Pipeline, ...] = (*PIPELINES.values(), *CHECKLISTS.values(), *DIAGNOSES.values())
GATES = tuple(dict.fromkeys(gate for pipeline in EVERY for gate in pipeline.gates))
