"""Files in which Prometheus finds processes."""

from pathlib import Path

import msgspec

from gameserver.config import Address
from gameserver.runtime.prometheus_targets import announce, withdraw


def test_a_process_is_found_in_its_file_until_it_ends(tmp_path: Path) -> None:
    file = announce(tmp_path, "worker", "chat1@here", Address("127.0.0.1", 9300))
    assert file is not None
    (found,) = msgspec.json.decode(file.read_bytes())
    assert found == {"targets": ["127.0.0.1:9300"], "labels": {"job": "worker", "process": "chat1@here"}}
    withdraw(file)
    assert not file.exists()


def test_where_nothing_can_be_written_a_process_begins_and_ends_all_the_same(tmp_path: Path) -> None:
    """A disk may be full just when a gateway is started again, which needs none of it to play."""
    (tmp_path / "metrics").write_text("in the way")
    withdraw(announce(tmp_path / "metrics", "gateway", "gateway1", Address("127.0.0.1", 9300)))
    withdraw(tmp_path / "metrics" / "file")
