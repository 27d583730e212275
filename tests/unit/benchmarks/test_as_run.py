"""Which tier a program of `gameserver up` belongs to."""

import pytest

from tests.benchmarks.as_run import OTHERS, tier_of


@pytest.mark.parametrize(
    ("command", "tier"),
    [
        ("/usr/lib/erlang/erts-13.1.5/bin/beam.smp -W w -- -root /usr/lib/erlang", "broker"),
        ("/usr/bin/epmd -port 4379", "broker"),
        ("python -m celery -A tasks worker -Q chat,movement -n all1@%h --bulkheads", "workers"),
        ("python -m celery -A tasks beat", "workers"),
        ("python -m celery -A tasks flower --address=127.0.0.1", "flower"),
        ("python -m gateway", "gateway"),
        ("python -m gameserver up --bots 0", OTHERS),
        ("python -m gameserver.local.preloaded_supervisord var/supervisord.conf gateway.preload tasks.preload", OTHERS),
    ],
)
def test_a_program_is_told_by_its_command_line(command: str, tier: str) -> None:
    assert tier_of(command) == tier
