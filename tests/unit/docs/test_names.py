"""Names that were replaced are gone, from code and documents, or a reader meets two names for one thing."""

import io
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

from gameserver.config import LIMITS_RENAMED

ROOT = Path(__file__).parents[3]
# Words that appear nowhere; upper and lower case, singular and plural.
WORDS_OLD = {"house": "deployment, or server", "turnstile": "writer lock", **LIMITS_RENAMED}
# Identifiers that appear neither in code nor in a document's code.
IDENTIFIERS_OLD = {
    "Digests": "Conflator",
    "Direct": "Unicast",
    "Dispatch": "Multicast",
    "Doors": "ConnectionLimiter",
    "Follow": "SessionUpdate",
    "Inward": "Ingress",
    "Ledger": "PendingRequests",
    "Mark": "Watermark",
    "Mind": "BotBehaviour",
    "Nodes": "FailoverEndpoint",
    "Outward": "Dispatcher",
    "PatientReactor": "BatchingReactor",
    "Picture": "WorldView",
    "Speech": "OutboundBuilder",
    "Tally": "RunStats",
    "Tell": "Notification",
    "UnitOfWork": "BatchTransaction",
}
ROOMS = (
    "gameserver/", "gateway/", "tasks/", "tests/", "docker/", "docs/", "README.md", "Makefile", "conftest.py",
    "celeryconfig.py", "flowerconfig.py",
)  # fmt: skip
# Where an old word has to stand: to be read, or to be told.
EXCEPT = {
    "house": re.compile(r"house\.env"),  # a file that operators know
    "turnstile": re.compile(r"\.turnstile\b"),  # a file that the version before locks, too
    **{old: re.compile(rf'"{old}": "{new}"|`{old}` \| `{new}`') for old, new in LIMITS_RENAMED.items()},
}
HISTORY = ("docs/performance-", "docs/images")  # what was measured under the names of then
OF_OLD_NAMES = ("tests/unit/docs/test_names.py", "tests/unit/test_config.py")  # they are about these


def texts() -> dict[str, str]:
    """All files of the project that may name something, by name."""
    listed = subprocess.run(["git", "ls-files", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [
        name
        for name in listed.splitlines()
        if not name.startswith((*HISTORY, *OF_OLD_NAMES)) and (ROOT / name).is_file()
    ]
    return {name: (ROOT / name).read_text(errors="replace") for name in names}


def identifiers(name: str, text: str) -> set[str]:
    """The names in a file's code, and those in what its text shows as code."""
    shown = {word for code in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"\w+", code)}
    if not name.endswith(".py"):
        return shown
    return shown | {t.string for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.NAME}


TEXTS = texts()
IDENTIFIERS = {name: identifiers(name, text) for name, text in TEXTS.items()}


@pytest.mark.parametrize("old", WORDS_OLD)
def test_a_word_that_was_replaced_is_gone(old: str) -> None:
    found = re.compile(rf"(?<![A-Za-z0-9]){old}s?(?![A-Za-z0-9])", re.IGNORECASE)
    left = {name for name, text in TEXTS.items() if found.search(EXCEPT[old].sub("", text))}
    assert left == set(), f"{old} is called {WORDS_OLD[old]} now"


@pytest.mark.parametrize("old", IDENTIFIERS_OLD)
def test_an_identifier_that_was_replaced_is_gone(old: str) -> None:
    left = {name for name, words in IDENTIFIERS.items() if old in words}
    assert left == set(), f"{old} is called {IDENTIFIERS_OLD[old]} now"
