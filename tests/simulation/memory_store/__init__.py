"""The data tier as dictionaries, for simulation. Held to the contract of the real one (``test_contract``).

Transactions see what others committed (read committed) and lock rows as PostgreSQL does, one after the other in the
order of their ids. Who waits for a row is let on when it is free, gives up after ``LOCK_WAIT_S``, and is told of a
deadlock at once. As SQLite it has one writer at a time.
"""

from tests.simulation.memory_store.locking import IDLE_S_MAX, Key, RowLocks
from tests.simulation.memory_store.outbox import Outbox
from tests.simulation.memory_store.store import MemoryStore
from tests.simulation.memory_store.transaction import MemoryTransaction

__all__ = ["IDLE_S_MAX", "Key", "MemoryStore", "MemoryTransaction", "Outbox", "RowLocks"]
