"""Every command for a reader, in the situation in which it is typed."""

from tests.byhand.scenarios import production, repository, stores, tool

SCENARIOS = (*production.SCENARIOS, *repository.SCENARIOS, *stores.SCENARIOS, *tool.SCENARIOS)
