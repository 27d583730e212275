"""Writes what is generated in docs/protocol.md anew: ``python docs/refresh.py``.

The tables and the diagram stand between pairs of marker comments; everything else in the file is left as it is.
"""

import re
import sys
from pathlib import Path

from gameserver.events import document
from gameserver.wire import states

PROTOCOL = Path(__file__).parent / "protocol.md"


def parts() -> dict[str, str]:
    """What stands between each pair of markers."""
    return {"events": document.markdown().strip(), "states": f"```mermaid\n{states.diagram()}\n```"}


def between(text: str, name: str) -> str:
    """What a file has between a pair of markers. Raises ``LookupError`` without exactly one such pair."""
    found = re.findall(_pattern(name), text, re.DOTALL)
    if len(found) != 1:
        raise LookupError(f"{len(found)} pairs of the markers <!-- {name} --> and <!-- end of {name} -->")
    return str(found[0]).strip()


def refreshed(text: str) -> str:
    """The file's text with its generated parts as they should be."""
    for name, part in parts().items():
        between(text, name)
        whole = f"<!-- {name} -->\n\n{part}\n\n<!-- end of {name} -->"
        text = re.sub(_pattern(name), lambda _, whole=whole: whole, text, flags=re.DOTALL)
    return text


def _pattern(name: str) -> str:
    return f"<!-- {name} -->(.*?)<!-- end of {name} -->"


if __name__ == "__main__":
    PROTOCOL.write_text(refreshed(PROTOCOL.read_text()))
    sys.stdout.write(f"{PROTOCOL} is up to date.\n")
