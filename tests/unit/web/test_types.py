"""The JavaScript library's types are TypeScript: a program that uses them right passes, each wrong use is found."""

import subprocess

from tests.nodes import JAVASCRIPT, tsc

# As strict as a program may be; ``dom`` has the WebSocket of browsers.
OPTIONS = ("--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext")


def test_programs_in_typescript_are_checked_by_the_librarys_types() -> None:
    words = (tsc(), *OPTIONS, "--lib", "es2022,dom", str(JAVASCRIPT / "typed.ts"))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
