"""A process whose clock is wrong, or is set while it runs: libfaketime does it, and leaves the monotonic clock true."""

import os
from pathlib import Path

SLEEP = Path(__file__).parent / "skewed"
LIBRARIES = "/usr/lib"
LIBRARY = "faketime/libfaketimeMT.so.1"


def wrong_by(skew_s: float) -> dict[str, str]:
    """What a process's environment is to hold. Empty for a clock that is right."""
    return _faked(FAKETIME=f"{skew_s:+}") if skew_s else {}


def settable(file: Path) -> dict[str, str]:
    """What the environment of a process is to hold whose clock is as wrong as a file says."""
    set_clock(file, 0)
    return _faked(FAKETIME_TIMESTAMP_FILE=str(file), FAKETIME_NO_CACHE="1")


def set_clock(file: Path, skew_s: float) -> None:
    """Set the clock of the process that looks at this file, at once."""
    new = file.with_suffix(".new")
    new.write_text(f"{skew_s:+}\n")
    new.replace(file)


def _faked(**how: str) -> dict[str, str]:
    return {
        "LD_PRELOAD": str(library()),
        **how,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(SLEEP), os.environ.get("PYTHONPATH")))),
    }


def library() -> Path:
    """Where libfaketime is. Raises ``AssertionError`` where it is not installed."""
    found = next(Path(LIBRARIES).glob(f"*/{LIBRARY}"), None) or next(Path(LIBRARIES).glob(LIBRARY), None)
    assert found is not None, "libfaketime is not installed (docker/system-packages.sh test installs it)"
    return found
