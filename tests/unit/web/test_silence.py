"""The JavaScript library notices that a line is dead, on a clock of the test's own."""

import json
import subprocess

from tests.nodes import JAVASCRIPT, node


def test_a_dead_line_is_asked_then_left_for_the_next_gateway_and_who_only_hears_gives_signs_of_life() -> None:
    done = subprocess.run([node(), str(JAVASCRIPT / "silence.mjs")], capture_output=True, text=True, check=True)
    seen = [(scene, round(at_s), what) for scene, at_s, what in json.loads(done.stdout)]
    assert seen == [
        ("silent", 0, "one"),
        ("silent", 5, "ping"),
        ("silent", 10, "two"),
        ("talks", 0, "one"),
        ("talks", 10, "ping"),
        ("talks", 20, "ping"),
        ("unreachable", 0, "one"),
        ("unreachable", 5, "two"),
    ]
