from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from gameserver.errors import Corrupt, Rejected
from gameserver.limits import Limits
from gameserver.messages.envelope import Envelope, read_batch
from gameserver.modules.chat.events import Say
from gameserver.modules.sessions.events import Login, Resume
from gameserver.modules.sessions.rules import PASSWORD_CHARS_MAX
from gameserver.security.sealing import Sealer, read_key, write_key
from gameserver.wire.client import ClientConnection
from gameserver.wire.packets import PROTOCOL, Welcome
from gameserver.wire.server import ServerConnection

KEY = Fernet.generate_key()
GREETING = Welcome(
    protocol=PROTOCOL,
    catalogue="",
    gateway="g1",
    frame_bytes_max=8_192,
    lane_waiting_max=32,
    packets_per_s=50.0,
    idle_s_max=300.0,
)


@given(st.text(min_size=1, max_size=128))
def test_what_is_sealed_can_be_opened_and_not_be_read(password: str) -> None:
    sealer = Sealer(KEY)
    login = Login(name="ada", password=password, seq=3)
    sealed = sealer.seal(login)
    assert isinstance(sealed, Login)
    assert (sealed.name, sealed.seq) == ("ada", 3)
    assert password not in sealed.password or len(password) < 3
    assert sealer.open(sealed) == login


def test_sealing_twice_looks_different() -> None:
    resume = Resume(token="t0")
    assert Sealer(KEY).seal(resume) != Sealer(KEY).seal(resume)


def test_an_event_without_secrets_passes_as_it_is() -> None:
    say = Say(text="hi")
    assert Sealer(KEY).seal(say) is say
    assert Sealer(KEY).open(say) is say


@pytest.mark.parametrize("password", ["not sealed", "ünsealed", "gAAAAA=="])
def test_what_was_not_sealed_is_refused(password: str) -> None:
    with pytest.raises(Rejected, match="bad_seal"):
        Sealer(KEY).open(Login(name="ada", password=password))


def test_another_key_opens_nothing() -> None:
    sealed = Sealer(Fernet.generate_key()).seal(Login(name="ada", password="long enough"))
    with pytest.raises(Rejected, match="bad_seal"):
        Sealer(KEY).open(sealed)


@pytest.mark.parametrize("password", ["x" * 128, "x" * 600, "\N{PILE OF POO}" * 128, "\N{PILE OF POO}" * 600])
def test_whatever_secret_a_client_may_send_a_process_can_read_sealed(password: str) -> None:
    client, server = ClientConnection("msgpack"), ServerConnection(Limits(), GREETING)
    hello = {"type": "hello", "protocol": PROTOCOL}
    login = {"type": "login", "name": "ada", "password": password, "seq": 1}
    passed = server.receive(client.encode(hello) + client.encode(login), 0.0)
    assert passed or len(password) > PASSWORD_CHARS_MAX
    for event in passed:
        sealed = Sealer(KEY).seal(event)
        raw = {"id": "1", "at_ms": 1, "event": {"type": "login", "name": "ada", "password": sealed.password}}
        (envelope,) = read_batch([raw])
        assert isinstance(envelope, Envelope)
        assert Sealer(KEY).open(envelope.event).password == password


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "var" / "secret.key"
    write_key(file)
    key = read_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    write_key(file)
    assert read_key(file) == key
    assert Sealer(key).open(Sealer(key).seal(Resume(token="t0"))) == Resume(token="t0")


@pytest.mark.parametrize("text", ["", "half of a ke", "\u00fc" * 44])
def test_a_file_that_holds_no_key_is_named_with_its_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    with pytest.raises(Corrupt, match=r"GAMESERVER_SECRET_KEY_FILE.*gameserver key"):
        read_key(tmp_path / "key")


def test_a_missing_key_is_named_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match=r"GAMESERVER_SECRET_KEY_FILE.*gameserver key"):
        read_key(tmp_path / "none")
