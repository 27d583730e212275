"""Say in an operator's words why a broker, or what stands where one was looked for, does not shake hands.

What libraries tell of it names their own functions. Nearly always an address leads to the wrong port, or TLS is spoken
on one side only.
"""

HUNG_UP = (
    "it hung up before it had shaken hands. Is its port one of TLS (amqps:// in AMQP_URL), or none of RabbitMQ's for "
    "clients (5672, 5671 with TLS)?"
)
NO_TLS = "no TLS is spoken there. Is its port one without (amqp:// in AMQP_URL)?"
NOT_TRUSTED = "its certificate is not for this name, or not of an authority that is trusted (?cacertfile= in AMQP_URL)."
# By words of OpenSSL, ssl and py-amqp, in small letters.
CAUSES = {
    "wrong version number": NO_TLS,
    "wrong_version_number": NO_TLS,
    "certificate": NOT_TRUSTED,
    "closed connection": HUNG_UP,
    "socket closed": HUNG_UP,
    "connection reset": HUNG_UP,
    "invalid argument": HUNG_UP,  # of a socket that was closed meanwhile
    "while expecting 0xce": HUNG_UP,
    "expected protocol header": HUNG_UP,
}


def refused(said: str) -> str:
    """Say that a user, a password or a permission is not the right one."""
    return f"The broker refuses the user of AMQP_URL: {said.rstrip('.')}."


def not_allowed(said: str) -> str:
    """Say that a virtual host is not there, or not for this user."""
    return f"The broker does not have what AMQP_URL names, or not for it: {said.rstrip('.')}."


def differs(said: str) -> str:
    """Say that something stands on the broker, and not as the settings want it."""
    return (
        f"A queue or exchange is there with other arguments: {said}. Give the settings that it was made with, or "
        "remove it when it is empty (docs/operating.md, Limits)."
    )


def lacks(said: str) -> str:
    """Say that something does not stand on the broker."""
    return f"The broker lacks something: {said}. `gameserver declare`, as a user who may, makes it."


def explained(said: str) -> str:
    """Return what a library's words mean, and the words; the words alone where they say enough."""
    cause = next((cause for words, cause in CAUSES.items() if words in said.lower()), "")
    return f"{cause} ({said})" if cause else said
