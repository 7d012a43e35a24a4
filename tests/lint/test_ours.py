"""What our linter says of every case of the corpus, whose expectations were written down before it was run."""

import dataclasses

import pytest

from checks.evidence import KINDS, Change, LiveSchema, PlannedChanges
from checks.gate import worst
from checks.policy import DatabasePolicy
from checks.sql import can_run, data_are_kept, live_code_survives, nobody_waits
from pipeline.clients.postgres import Postgres
from pipeline.sql.changes import changes_of
from pipeline.sql.known import Known
from pipeline.sql.reading import LOCKS
from tests.lint.corpus import CASES, SCHEMAS
