from gameserver.security.tokens import token_hash


def test_of_a_token_only_its_hash_is_kept() -> None:
    assert token_hash("t0") == token_hash("t0")
    assert token_hash("t0") != token_hash("t1")
    assert "t0" not in token_hash("t0")
    assert len(token_hash("t0")) == 64
