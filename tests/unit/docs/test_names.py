"""Names that were replaced are gone, from code and documents, or a reader meets two names for one thing."""

import re
import subprocess
from pathlib import Path

import pytest

from gameserver.config import LIMITS_RENAMED

ROOT = Path(__file__).parents[3]
NAMES_OLD = {
    "house": "deployment, or server",
    "Turnstile": "WriterLock",
    **LIMITS_RENAMED,
}
ROOMS = (
    "gameserver/",
    "gateway/",
    "tasks/",
    "docker/",
    "docs/",
    "README.md",
    "Makefile",
    "celeryconfig.py",
    "flowerconfig.py",
)
# Where an old name has to stand: to be read, or to be told.
EXCEPT = {
    "house": re.compile(r"house\.env|HOUSE_USER"),  # a file and a variable that operators know
    "Turnstile": re.compile(r"\.turnstile"),  # the same
    **{old: re.compile(rf'"{old}": "{new}"|`{old}` \| `{new}`') for old, new in LIMITS_RENAMED.items()},
}
HISTORY = ("docs/performance", "docs/images")  # what was measured under the names of then


def texts() -> dict[str, str]:
    listed = subprocess.run(["git", "ls-files", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.splitlines() if not name.startswith(HISTORY) and (ROOT / name).is_file()]
    return {name: (ROOT / name).read_text(errors="replace") for name in names}


TEXTS = texts()


@pytest.mark.parametrize("old", NAMES_OLD)
def test_a_name_that_was_replaced_is_gone(old: str) -> None:
    found = re.compile(rf"(?<![A-Za-z0-9]){old}s?(?![A-Za-z0-9])", re.IGNORECASE)
    left = {name for name, text in TEXTS.items() if found.search(EXCEPT[old].sub("", text))}
    assert left == set(), f"{old} is called {NAMES_OLD[old]} now"
