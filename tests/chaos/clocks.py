"""A process whose clock is wrong: started under libfaketime, which leaves the monotonic clock true."""

import os
from pathlib import Path

SLEEP = Path(__file__).parent / "skewed"
LIBRARIES = "/usr/lib"
LIBRARY = "faketime/libfaketimeMT.so.1"


def wrong_by(skew_s: float) -> dict[str, str]:
    """What a process's environment is to hold. Empty for a clock that is right."""
    if not skew_s:
        return {}
    return {
        "LD_PRELOAD": str(library()),
        "FAKETIME": f"{skew_s:+}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(SLEEP), os.environ.get("PYTHONPATH")))),
    }


def library() -> Path:
    """Where libfaketime is. Raises ``AssertionError`` where it is not installed."""
    found = next(Path(LIBRARIES).glob(f"*/{LIBRARY}"), None) or next(Path(LIBRARIES).glob(LIBRARY), None)
    assert found is not None, "libfaketime is not installed (docker/system-packages.sh test installs it)"
    return found
