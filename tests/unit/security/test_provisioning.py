import base64
import hashlib
import json
from pathlib import Path

import pytest

from gameserver.broker.permissions import SALT_BYTES
from gameserver.errors import Rejected
from gameserver.security.provisioning import BROKER_USERS, make, password_file
from gameserver.security.sealing import read_key


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_every_secret_is_another_and_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = make(folder, ["gateway1"])
    assert set(made) == set(contents(folder))
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    words = list(contents(folder).values())
    assert contents(folder)["flower_pages"] == "operator:" + contents(folder)["flower_password"]
    assert len(set(words)) == len(words)
    assert all(len(word) >= 32 for word in words)
    read_key(folder / "secret_key")


def test_what_is_there_stays(tmp_path: Path) -> None:
    make(tmp_path, ["gateway1"])
    before = contents(tmp_path)
    (tmp_path / "grafana").write_text("my own")
    assert make(tmp_path, ["gateway1"]) == []
    assert contents(tmp_path) == {**before, "grafana": "my own"}


def test_a_gateway_more_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    make(tmp_path, ["gateway1"])
    before = contents(tmp_path)
    (tmp_path / BROKER_USERS).unlink()
    assert make(tmp_path, ["gateway1", "gateway2"]) == [password_file("gateway2"), BROKER_USERS]
    after = contents(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {BROKER_USERS}
    assert "gateway2" in {user["name"] for user in json.loads(after[BROKER_USERS])["users"]}


def test_another_password_for_flower_is_the_one_of_its_pages(tmp_path: Path) -> None:
    make(tmp_path, [])
    before = contents(tmp_path)
    (tmp_path / "flower_password").unlink()
    make(tmp_path, [])
    after = contents(tmp_path)
    assert after["flower_password"] != before["flower_password"]
    assert after["flower_pages"] == "operator:" + after["flower_password"]


def test_a_secret_is_renewed_in_the_file_that_containers_have_mounted(tmp_path: Path) -> None:
    make(tmp_path, ["gateway1"])
    before, files = contents(tmp_path), {file.name: file.stat().st_ino for file in tmp_path.iterdir()}
    written = make(tmp_path, ["gateway1"], ["broker_worker", "flower_password"])
    assert written == ["broker_worker", "flower_password", BROKER_USERS, "flower_pages"]
    after = contents(tmp_path)
    assert {name for name in before if before[name] != after[name]} == set(written)
    assert {file.name: file.stat().st_ino for file in tmp_path.iterdir()} == files
    assert "operator:" + after["flower_password"] == after["flower_pages"]


def test_the_hash_of_a_renewed_password_is_what_the_broker_imports(tmp_path: Path) -> None:
    make(tmp_path, ["gateway1"])
    make(tmp_path, ["gateway1"], ["broker_worker"])
    (known,) = (user for user in json.loads(contents(tmp_path)[BROKER_USERS])["users"] if user["name"] == "worker")
    assert is_of(known["password_hash"], contents(tmp_path)["broker_worker"])


def is_of(hash_: str, password: str) -> bool:
    raw = base64.b64decode(hash_)
    return hashlib.sha256(raw[:SALT_BYTES] + password.encode()).digest() == raw[SALT_BYTES:]


def test_a_secret_that_there_is_not_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="broker_wroker"):
        make(tmp_path / "secrets", ["gateway1"], ["broker_wroker"])
    assert not (tmp_path / "secrets").exists()
