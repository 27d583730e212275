"""Write down what events do in a worker (``celery -A tasks worker --include gameserver.testing.effect_log_worker``).

Each batch takes a little longer, between its last statement and the commit, so that kills find it half done.
"""

import time

from gameserver.processing.applier import Applier
from gameserver.testing.effect_log import AuditedBatch

LINGER_S = 0.01


class LingeringBatch(AuditedBatch):
    """A batch that is in its transaction for longer."""

    def _save(self) -> None:
        super()._save()
        time.sleep(LINGER_S)


Applier.batch_transaction = LingeringBatch
