"""A gateway lets in no more than it has descriptors for, and says so."""

import resource

import pytest

from gameserver.limits import Limits, check
from gateway.net.descriptors import RESERVED, fit_connections, raise_descriptors


def test_with_enough_descriptors_the_limits_stay(caplog: pytest.LogCaptureFixture) -> None:
    limits = Limits(connections_max=1_000, connections_per_address_max=10)
    assert fit_connections(limits, 1_000 + RESERVED) is limits
    assert not caplog.records


def test_with_too_few_fewer_connections_are_let_in_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    fitted = fit_connections(Limits(), 1_024)
    check(fitted)
    assert (fitted.connections_max, fitted.connections_per_address_max) == (1_024 - RESERVED, 1_024 - RESERVED)
    assert "960 connections are let in, not connections_max (20000)" in caplog.text


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        assert raise_descriptors() == hard
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
