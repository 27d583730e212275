"""What only long tests import can be imported: whoever renames something hears of it at once, and not in a week."""

from importlib import import_module

import pytest

MODULES = (
    "tests.chaos.__main__",
    "tests.machines.__main__",
    "tests.machines.test_machines",
    "tests.slow",
    "tests.soak.__main__",
    "tests.soak.program",
    "tests.soak.test_soak",
    "tests.supervised",
)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_long_tests_can_be_imported(module: str) -> None:
    import_module(module)
