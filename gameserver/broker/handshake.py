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


def explained(said: str) -> str:
    """Return what a library's words mean, and the words; the words alone where they say enough."""
    cause = next((cause for words, cause in CAUSES.items() if words in said.lower()), "")
    return f"{cause} ({said})" if cause else said
