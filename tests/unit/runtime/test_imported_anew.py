"""Whatever is saved is what is imported, however soon after another save."""

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameserver.runtime.imported_anew import imported_anew

NAME = "savedtwice"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = dict(sys.modules)
    yield tmp_path / f"{NAME}.py"
    sys.modules.clear()  # else whatever runs later in this process would find two engines
    sys.modules.update(before)


def test_a_file_that_is_saved_twice_in_a_second_is_imported_as_it_was_saved_last(module: Path) -> None:
    for word in ("one", "two"):  # of one size
        module.write_text(f"WORD = {word!r}\n")
        os.utime(module, (1_700_000_000, 1_700_000_000))
        importlib.invalidate_caches()
        with imported_anew([NAME]):
            found = importlib.import_module(NAME)
        assert word == found.WORD


def test_so_is_one_whose_bytecode_was_made_before(module: Path) -> None:
    module.write_text("WORD = 'one'\n")
    importlib.invalidate_caches()
    importlib.import_module(NAME)  # it leaves its bytecode
    saved = module.stat()
    module.write_text("WORD = 'two'\n")
    os.utime(module, ns=(saved.st_atime_ns, saved.st_mtime_ns))
    with imported_anew([NAME]):
        assert importlib.import_module(NAME).WORD == "two"
