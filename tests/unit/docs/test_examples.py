"""What README and the tutorial tell developers to write works: it is written into a copy and tested there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files(document: str) -> dict[str, str]:
    """The files that a document shows whole: blocks that begin with their path."""
    return dict(BLOCK.findall((ROOT / document).read_text()))


def copy_of_the_house(folder: Path) -> None:
    for package in ("gameserver", "tests/unit/rules"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(folder), "GAMESERVER_HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=100
    )


@pytest.mark.parametrize(
    ("document", "task", "passed"), [("README.md", "gestures.wave", 1), ("docs/tutorial.md", "signs.point", 2)]
)
def test_the_new_event_type_works(document: str, task: str, passed: int, tmp_path: Path) -> None:
    shown = files(document)
    assert len(shown) == 3, "a declaration, a rule and a test"
    copy_of_the_house(tmp_path)
    for path, text in shown.items():
        assert not (tmp_path / path).exists(), f"{path} is there already: choose another example"
        (tmp_path / path).write_text(text)
    (test,) = [path for path in shown if path.startswith("tests/")]
    ran = run(
        tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", ".", "--noconftest", test
    )
    assert f"{passed} passed" in ran.stdout, ran.stdout + ran.stderr
    listed = run(tmp_path, "gameserver.cli", "events")
    assert task in listed.stdout, listed.stderr


def test_the_example_of_the_client_is_short_and_compiles() -> None:
    (walk,) = re.findall(r"^```python\n(import asyncio.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.DOTALL)
    compile(walk, "README.md", "exec")
    assert len([line for line in walk.splitlines() if line.strip()]) < 15


@pytest.mark.parametrize(
    "document", ["README.md", "CHANGELOG.md", *sorted(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))]
)
def test_links_within_the_project_lead_somewhere(document: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", (ROOT / document).read_text())
    assert [t for t in targets if not (ROOT / document).parent.joinpath(t).exists()] == []
