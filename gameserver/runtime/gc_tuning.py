"""When Python looks for garbage that refers to itself.

It does so by walking all objects, those of a hundred thousand that modules brought along and that never go away
included: a pause of a tenth of a second now and then, which every player in the world feels. So what is there at the
start is not looked at any more, and the rest less often: nearly everything here is freed without that search.
"""

import gc

NEW_OBJECTS = 20_000  # so many more than before make Python look at the new ones; more than a batch leaves for a moment
YOUNG_ROUNDS = 20  # so many such looks lead to one at those that survived the first


def freeze_gc() -> None:
    """Exempt what is there from the search for garbage: call it before a process begins its work."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNG_ROUNDS, YOUNG_ROUNDS)
