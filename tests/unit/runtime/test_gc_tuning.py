import subprocess
import sys

CODE = """
import gc
from gameserver.runtime.gc_tuning import NEW_OBJECTS, freeze_gc
freeze_gc()
assert gc.get_freeze_count() > 1_000, gc.get_freeze_count()
looked_at = []
gc.callbacks.append(lambda phase, info: looked_at.append(info["generation"]))
kept = [[] for _ in range(NEW_OBJECTS // 2)]
assert looked_at == []
kept += [[] for _ in range(NEW_OBJECTS)]
assert set(looked_at) == {0}, looked_at
"""


def test_what_was_there_at_the_start_is_not_looked_at_and_a_batch_makes_nobody_look() -> None:
    subprocess.run((sys.executable, "-c", CODE), check=True)
