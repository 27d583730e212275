"""Each word of docs/glossary.md is told shortly, in plain sentences, and leads to code and documents that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/glossary.md").read_text()
ENTRIES = dict(re.findall(r"^\*\*(.+?)\*\*: (.*?)(?=\n\n|\Z)", TEXT, re.MULTILINE | re.DOTALL))
WANTED = [
    "lane",
    "module",
    "game",
    "entity",
    "hook",
    "conserved",
    "deployment",
    "lease",
    "family",
    "watermark",
    "outbox",
    "batch",
    "envelope",
    "conflation",
    "linger",
    "cell",
    "topic",
    "interest",
    "sweep",
    "tick",
    "seal",
    "catalogue",
    "bulkhead",
    "poison",
    "resume",
    "heartbeat",
    "writer lock",
    "rule",
    "outcome",
]


def defined(file: str) -> set[str]:
    """The names of a file's classes, functions and methods."""
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, kinds)}


def anchors(document: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / document).read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_words_are_there() -> None:
    assert set(WANTED) <= set(ENTRIES)
    assert {"dead letter", "transient, durable", "in doubt", "put off", "attempt, trial"} <= set(ENTRIES)


@pytest.mark.parametrize("word", ENTRIES)
def test_an_entry_is_short_and_leads_to_code_and_documents(word: str) -> None:
    entry = ENTRIES[word]
    code = re.findall(r"`([a-z_/]+\.py)`\s+\(`(\w+)`\)", entry)
    links = re.findall(r"\]\(([a-z]+\.md)(?:#([^)]+))?\)", entry)
    assert code
    assert links
    for file, name in code:
        assert name in defined(file), f"{file} defines no {name}"
    for document, anchor in links:
        assert not anchor or anchor in anchors(document), f"{document} has no section {anchor}"
    prose = entry.split("`gameserver/")[0].split("`gateway/")[0].split("`tasks/")[0]
    assert 2 <= len(re.findall(r"[.:;](?:\s|$)", prose)) <= 4


def test_words_stand_in_order_within_their_sections() -> None:
    for section in TEXT.split("\n## ")[1:]:
        words = re.findall(r"^\*\*(.+?)\*\*: ", section, re.MULTILINE)
        assert words == sorted(words)
