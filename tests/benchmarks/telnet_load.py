"""People at terminals, as load: they log in by telnet, type a line now and then, and read.

Started as ``python -m tests.benchmarks.telnet_load`` with the plan of ``load``; a group's packets are
``{"type": "typed", "text": "north"}``. One line of each is under way at a time: its answer is the first thing that
looks like one.
"""

import re
import time
from typing import Any

from tests.benchmarks import load, zones

IN = b"Type help"
ANSWER = re.compile(b"You go |You say: |There is no way")
PROMPT = b"\xff\xf9"


class TelnetRun(load.Run):
    """All people of one process."""

    def __init__(self, plan: load.Plan) -> None:
        super().__init__(plan)
        self._under_way: dict[load.Client, int] = {}
        for crew in self.crews:
            crew.heads = [packet["text"].encode() + b"\r\n" for packet in crew.group.packets]
            crew.entrance = _entrance  # type: ignore[method-assign]

    def _send(self, client: load.Client, head: bytes, due_s: float) -> None:
        sent_s = time.perf_counter()
        self._under_way[client] = len(self.sent_s)
        self.late_s.append(sent_s - due_s)
        self.sent_s.append(sent_s)
        self.took_s.append(-1.0)
        self.crew_of.append(client.group)
        self._write(client, head)

    def _walk(self, client: load.Client, data: Any, size: int) -> int:
        """Count prompts, and find the answer to what was typed."""
        seen = bytes(data[:size])
        self.kinds[ord("m")] += seen.count(PROMPT)
        now_s = time.perf_counter()
        if not client.entered_s:
            if IN in seen:
                self._entered(client, now_s)
        elif client in self._under_way and ANSWER.search(seen):
            n = self._under_way.pop(client)
            self.took_s[n] = now_s - self.sent_s[n]
        return size


def _entrance(client: load.Client) -> bytes:
    return f"{client.name}\r\n{zones.PASSWORD}\r\n".encode()


if __name__ == "__main__":
    load.main(TelnetRun)
