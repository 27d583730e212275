"""Resume tokens. A token itself is stored nowhere, and is sealed when it travels through the queue."""

import hashlib


def token_hash(token: str) -> str:
    """Compute the SHA-256 of a token, which is random and long enough to need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()
