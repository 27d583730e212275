"""The data tier: the only SQL.

``tables`` names what is kept, ``loading`` reads what rules need and locks it (``selects`` has statements; ``nearby``
and ``outbox_reading`` read surroundings and the outbox), ``saving`` writes what they changed, ``engine`` knows the two
databases, ``store`` is what the rest of the code uses.
"""

from gameserver.store.store import DeadLetter, Store, Transaction

__all__ = ["DeadLetter", "Store", "Transaction"]
