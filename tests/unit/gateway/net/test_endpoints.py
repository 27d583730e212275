import socket

import pytest
from twisted.internet.error import CannotListenError

from gateway.net.endpoints import listen


def test_a_port_that_somebody_has_alone_is_not_shared():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failed = []
        listen(None, f"shared:{port}:interface=127.0.0.1", None).addErrback(failed.append)
        assert failed[0].check(CannotListenError)


@pytest.mark.parametrize("text", ["shared:", "shared:x", "shared:70000:interface=127.0.0.1"])
def test_what_is_no_port_is_refused(text: str):
    failed = []
    listen(None, text, None).addErrback(failed.append)
    assert failed[0].check(ValueError)
