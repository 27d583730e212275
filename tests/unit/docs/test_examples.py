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


def copy_of_the_engine(folder: Path) -> None:
    shutil.copytree(ROOT / "gameserver", folder / "gameserver", ignore=shutil.ignore_patterns("__pycache__"))


def write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(folder), "GAMESERVER_HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=100
    )


@pytest.mark.parametrize(
    ("document", "task", "shows", "passed"),
    [("README.md", "gestures.wave", 4, 1), ("docs/tutorial.md", "signs.point", 6, 4)],
)
def test_the_new_event_type_works(document: str, task: str, shows: int, passed: int, tmp_path: Path) -> None:
    shown = files(document)
    assert len(shown) == shows, "a package, a declaration, a rule and a test; hooks and their test"
    copy_of_the_engine(tmp_path)
    for path, text in shown.items():  # over what is there, for who followed the document
        write(tmp_path / path, text)
    tests = [path for path in shown if "/test_" in path]
    ran = run(
        tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", ".", "--noconftest", *tests
    )
    assert f"{passed} passed" in ran.stdout, ran.stdout + ran.stderr
    listed = run(tmp_path, "gameserver.cli", "events")
    assert task in listed.stdout, listed.stderr
    hooked = run(tmp_path, "gameserver.cli", "events", "--hooks").stdout.splitlines()
    module = task.partition(".")[0]  # those of the bundled modules are listed with it
    shown_lines = [
        line.split() for line in (ROOT / document).read_text().splitlines()
    ]  # columns are as wide as all need
    assert all(line.split() in shown_lines for line in hooked if f"/{module}/hooks.py" in line)


def walk() -> str:
    """The README's example of a client."""
    (found,) = re.findall(r"^```python\n(import asyncio.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.DOTALL)
    return str(found)


def test_the_example_of_the_client_is_short_and_compiles() -> None:
    """tests/acceptance/test_readme.py runs it."""
    compile(walk(), "README.md", "exec")
    assert len([line for line in walk().splitlines() if line.strip()]) < 22


def test_a_family_is_added_by_the_files_shown_and_one_command(tmp_path: Path) -> None:
    """Whatever names families follows: the tests that hold it fail with the command before it, and pass after it."""
    for name in ("gameserver", "gateway", "tasks", "tests", "docs", "docker"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "secrets", "*.png"))
    for name in ("celeryconfig.py", "pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "flowerconfig.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    for document in ("README.md", "docs/tutorial.md"):
        for path, text in files(document).items():
            write(tmp_path / path, text)
    where = ("tests/unit/docker", "tests/unit/docs/test_protocol.py", "tests/unit/docs/test_refresh.py")
    concerned = ("pytest", "-q", "-p", "no:cacheprovider", *where, "-k", "family or asks or protocol or refresh")
    before = run(tmp_path, *concerned)
    failed = re.findall(r"^FAILED (\S+)", before.stdout, re.MULTILINE)
    assert failed, before.stdout
    assert before.stdout.count("run `python docs/refresh.py`") >= len(failed), before.stdout
    said = run(tmp_path, "docs.refresh").stdout
    assert said.count(" was behind: ") == 6
    assert said in (ROOT / "docs/tutorial.md").read_text()
    after = run(tmp_path, *concerned)
    assert after.returncode == 0, after.stdout


@pytest.mark.parametrize(
    "document", ["README.md", "CHANGELOG.md", *sorted(f"docs/{p.name}" for p in ROOT.glob("docs/*.md"))]
)
def test_links_within_the_project_lead_somewhere(document: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", (ROOT / document).read_text())
    assert [t for t in targets if not (ROOT / document).parent.joinpath(t).exists()] == []
