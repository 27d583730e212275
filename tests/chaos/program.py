"""The game's own worker and gateway, of this release or another, in which whispers may be poisoned.

Worker: ``celery -A tests.chaos.program worker``; gateway: ``python -m tests.chaos.program``.
"""

import sys

import tests.chaos.releases  # noqa: F401 - first: it decides which catalogue the rest finds

if __name__ == "__main__":
    from gateway.__main__ import main

    sys.exit(main())

from gameserver.processing.applier import Applier
from gameserver.testing.effect_log import AuditedBatch
from tasks import app  # noqa: F401 - where Celery looks for it
from tests.chaos.poison import allow

allow()
Applier.batch_transaction = AuditedBatch
