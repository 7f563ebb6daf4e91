"""Imported once, by the process that workers are forked from: what they share is loaded here.

A worker that is not forked from it (another start method, a test) loads the same when it imports this.
"""

from __future__ import annotations

import gc
from typing import Final

import fhir.resources.R4B.condition
import fhir.resources.R4B.documentreference
import fhir.resources.R4B.encounter  # noqa: F401

from ..pipelines.suggest import Spinecode
from . import jobs

ENGINE: Final = Spinecode()

# One note of each kind of job: what is loaded at the first is loaded before workers are forked.
for kind, data in jobs.WARMING:
    jobs.answer(ENGINE, kind, data)
gc.collect()
gc.freeze()
