import subprocess
import sys
import unicodedata

import argon2

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


def test_a_password_that_was_hashed_as_it_was_typed_stays_good() -> None:
    decomposed = unicodedata.normalize("NFD", "pässwörd")
    older = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(decomposed)
    assert Argon2Passwords(time_cost=1, memory_kib=8).verify(older, decomposed)
