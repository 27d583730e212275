import subprocess
import sys
import unicodedata

import argon2
import pytest

from gameserver.security.passwords import Argon2Passwords
from gameserver.security.tokens import token_hash


def test_passwords_are_salted_hashes() -> None:
    passwords = Argon2Passwords(time_cost=1, memory_kib=8)
    first, second = passwords.hash("long enough"), passwords.hash("long enough")
    assert first != second
    assert first.startswith("$argon2id$")
    assert passwords.verify(first, "long enough")
    assert not passwords.verify(first, "long enougH")
    assert not passwords.verify(first, "")


def test_a_token_is_stored_under_its_hash() -> None:
    assert Argon2Passwords().digest("t0") == token_hash("t0")


def test_what_gateways_import_loads_no_password_hashing() -> None:
    imports = "import gameserver.security.sealing, gameserver.security.tokens, sys; sys.exit('argon2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", imports], check=False).returncode == 0


def test_a_password_is_the_same_however_a_keyboard_composes_it() -> None:
    passwords = Argon2Passwords(time_cost=1, memory_kib=8)
    composed, decomposed = "pässwörd", unicodedata.normalize("NFD", "pässwörd")
    for registered, typed in ((composed, decomposed), (decomposed, composed)):
        assert passwords.verify(passwords.hash(registered), typed)
    assert not passwords.verify(passwords.hash(composed), "password")


@pytest.mark.parametrize("space", ["\N{NO-BREAK SPACE}", "\N{IDEOGRAPHIC SPACE}", "\N{NARROW NO-BREAK SPACE}"])
def test_a_space_is_a_space_whichever_key_gave_it(space: str) -> None:
    passwords = Argon2Passwords(time_cost=1, memory_kib=8)
    for registered, typed in (("long enough", f"long{space}enough"), (f"long{space}enough", "long enough")):
        assert passwords.verify(passwords.hash(registered), typed)
    assert not passwords.verify(passwords.hash("long enough"), "longenough")


@pytest.mark.parametrize(
    "other",
    [
        "\N{FULLWIDTH LATIN SMALL LETTER P}assword1",
        "password\N{CIRCLED DIGIT ONE}",
        "password\N{SUPERSCRIPT ONE}",
        "Password1",
    ],
)
def test_what_only_looks_alike_is_another_password(other: str) -> None:
    passwords = Argon2Passwords(time_cost=1, memory_kib=8)
    assert not passwords.verify(passwords.hash("password1"), other)


@pytest.mark.parametrize(
    "typed", [unicodedata.normalize("NFD", "pässwörd"), "päss\N{NO-BREAK SPACE}wörd", "pa\u0308ss\N{EM SPACE}wörd"]
)
@pytest.mark.parametrize("form", ["as typed", "NFC"])
def test_a_password_that_an_older_release_hashed_stays_good(typed: str, form: str) -> None:
    hashed = typed if form == "as typed" else unicodedata.normalize(form, typed)  # type: ignore[arg-type]
    older = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(hashed)
    assert Argon2Passwords(time_cost=1, memory_kib=8).verify(older, typed)
