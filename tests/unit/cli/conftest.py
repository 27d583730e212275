"""What the commands are tried on: the worlds of the tests of processing and store."""

from tests.unit.operations.test_apply_maps import populated
from tests.unit.processing.conftest import workshop
from tests.unit.processing.test_dead_letters import buried
from tests.unit.store.test_copy_database import filled_file, source_url, target_url

__all__ = ["buried", "filled_file", "populated", "source_url", "target_url", "workshop"]
