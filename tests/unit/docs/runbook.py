"""Which test runs each command of docs/operating.md, or why none does.

A command stands here as it stands there, without its comment. ``Ran``: the test that gives it, with other names and
numbers at most. ``Not``: what speaks against running it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

PROGRAMS = (
    "gameserver", "celery", "python", "prometheus", "rabbitmq-diagnostics", "rabbitmqctl", "pg_dump", "pg_restore",
    "createdb", "cp", "kill", "df", "du", "docker", "make", "openssl", "certbot", "apt-get", "sudo", "pip", "psql",
)  # fmt: skip
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")


class Ran(NamedTuple):
    """By this test."""

    test: str


class Not(NamedTuple):
    """By none, for this reason."""

    why: str


def commands(text: str) -> Iterator[str]:
    """Every command of a document: lines of its blocks, and what looks like one in its tables."""
    for language, block in _BLOCK.findall(text):
        if language in ("", "sh", "bash", "console"):
            yield from (found for line in _joined(block) if (found := command(line)))
    for line in _BLOCK.sub("", text).splitlines():
        if line.startswith("|"):
            yield from (found for words in _INLINE.findall(line) if (found := command(words)))


def _joined(block: str) -> list[str]:
    return re.sub(r"\\\n\s*", "", block).splitlines()


def command(line: str) -> str:
    """The command of a line, without settings before it and without its comment; "" when there is none."""
    bare = re.split(r" {2,}|\s+#\s", line.strip().removeprefix("$ "), maxsplit=1)[0]
    bare = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", bare)
    words = bare.split()
    return bare if len(words) > 1 and words[0] in PROGRAMS else ""


SCALING = "tests/acceptance/test_scaling.py::"
WATCH = "tests/integration/test_watch.py::"
FLOWER = "tests/integration/test_flower.py::"
BACKUP = "tests/integration/test_backup.py::"
CONTAINERS = "tests/containers/test_containers.py::"
CROWDS = "tests/acceptance/test_crowds.py::test_two_workers_of_a_family_share_its_events"
LETTERS = Ran("tests/unit/cli/test_dead_letters.py::test_the_command_lists_shows_replays_and_drops")
MULTI = Ran(f"{SCALING}test_celery_multi_starts_restarts_and_stops_workers_of_two_families")
PAUSED = Ran(f"{SCALING}test_a_paused_family_is_told_to_players_waits_and_then_catches_up")
GROWN = Ran(f"{SCALING}test_a_pool_grows_and_shrinks_and_inspect_tells_the_truth_of_it")
HANDED = Ran(f"{SCALING}test_a_worker_of_all_families_hands_one_over_to_its_own_and_grows_while_bots_play")
LIES = Ran(f"{SCALING}test_celery_s_exit_codes_lie_and_its_replies_do_not")
STATUS = Ran(f"{WATCH}test_status_is_one_screen_of_the_whole_deployment")
ADVICE = Ran(
    f"{WATCH}test_where_nobody_serves_a_family_advice_is_the_command_that_mends_it_and_trace_says_how_far_an_event_came"
)
TAIL = Ran(f"{WATCH}test_tail_shows_one_players_events_of_one_family_with_their_replies_and_takes_nothing")
SCALED = Ran("tests/acceptance/test_scaler.py::test_workers_come_outlive_their_scaler_and_go_by_the_next_one")
COMMANDED = Not(
    "neither is there where the tests run; tests/acceptance/test_scaler.py scales by a command of its own, and "
    "tests/unit/local/test_scaled_workers.py looks at what a command is told"
)
WORKER = Ran("tests/acceptance/test_crowds.py::test_two_workers_of_a_family_share_its_events")
DRAINED = Ran("tests/integration/test_leftovers.py::test_what_is_left_is_told_and_moved_and_its_queue_removed")
DUMPED = Ran(f"{BACKUP}test_a_dump_of_postgresql_is_made_while_players_play_and_comes_back")
SMALL = Ran("tests/integration/test_commands.py::test_the_small_commands_of_the_runbook")
MAPS = Ran("tests/unit/cli/test_world.py::test_the_commands_check_and_apply")
RENEWED = Ran(
    "tests/unit/security/test_provisioning.py::test_a_secret_is_renewed_in_the_file_that_containers_have_mounted"
)
DEVELOPED = Ran(f"{CONTAINERS}test_the_deployment_for_developers_plays")
SEEN = Ran(f"{CONTAINERS}test_the_parts_see_each_other_and_nobody_else")
SCALED = Ran(f"{CONTAINERS}test_it_is_scaled_and_every_up_keeps_that")
UPDATED = Ran(f"{CONTAINERS}test_it_is_updated_while_no_family_is_without_a_worker")
ROTATED = Ran(f"{CONTAINERS}test_secrets_are_renewed_while_all_play")
SYSTEM = Not("it is the system's own, and looks only")

_NAMES = "movement2 chat2 -A tasks"
_QUEUES = "-Q:movement2 movement -Q:chat2 chat -c 1"
_FILES = "--pidfile=var/%n.pid --logfile=var/log/%n.log"
_PRODUCTION = "docker compose -f docker/compose.production.yml"
_REPLICAS = "deployment worker-{family} --replicas={count}"
_SCALE = "--scale worker-{family}={count} worker-{family}"
_ALTER = r'''sh -c "echo \"ALTER USER game PASSWORD '\$(cat /run/secrets/database)'\" | psql -q -U game game"'''
_SECRETS = 'docker run --rm -u 0 -v "$PWD/docker:/docker" gameserver gameserver secrets /docker/secrets --owner 10001'

REGISTRY: dict[str, Ran | Not] = {
    "gameserver tail": TAIL,
    "gameserver tail --family combat --player ada": TAIL,
    "gameserver trace ID": Ran(f"{WATCH}test_trace_shows_an_events_way_and_times"),
    "celery -A tasks flower": Ran(
        f"{FLOWER}test_without_a_password_it_is_on_loopback_alone_and_its_buttons_do_nothing"
    ),
    "celery -A tasks flower --address=0.0.0.0": Not(
        "a test listens on loopback only; that it is refused without a password is tested"
    ),
    "gameserver status": STATUS,
    "gameserver status --watch": Not("it is the same screen, for ever"),
    "gameserver advise": ADVICE,
    "gameserver scale": SCALED,
    "gameserver scale --act": SCALED,
    "gameserver scale --act --by multi": SCALED,
    "gameserver scale --act --workers 1:4 --workers movement=2:12 --workers chat=0:0": SCALED,
    f"gameserver scale --act --command 'kubectl scale {_REPLICAS}'": COMMANDED,
    f"gameserver scale --act --command '{_PRODUCTION} up -d --no-deps --no-recreate {_SCALE}'": COMMANDED,
    "prometheus --config.file=docker/prometheus/prometheus.yml --web.listen-address=127.0.0.1:9090": Not(
        "Prometheus is not among the packages of the tests; promtool reads its files where it is installed"
    ),
    "celery -A tasks worker -Q movement -n movement2@%h": WORKER,
    "celery -A tasks worker -Q movement,chat -n both1@%h": Ran(
        f"{SCALING}test_a_worker_of_two_is_stopped_warm_or_cold"
    ),
    "celery -A tasks worker -Q movement -n movement2@%h --autoscale=4,1": Ran(
        f"{SCALING}test_an_autoscaled_worker_grows_with_its_work_and_shrinks_afterwards"
    ),
    "celery -A tasks worker -Q chat -n chat2@%h": WORKER,
    "celery -A tasks control pool_grow 1 -d movement1@HOST": GROWN,
    "celery -A tasks worker -Q movement -n movement1@%h": WORKER,
    "celery -A tasks control cancel_consumer movement -d all1@HOST": HANDED,
    "celery -A tasks control pool_grow 1 -d all1@HOST": HANDED,
    "celery -A tasks control pool_shrink 1 -d movement1@HOST": GROWN,
    "celery -A tasks control cancel_consumer trade -d trade1@HOST": PAUSED,
    "celery -A tasks control cancel_consumer chat -d chat1@HOST": PAUSED,
    "celery -A tasks control add_consumer trade -d trade1@HOST": PAUSED,
    "celery -A tasks control add_consumer chat -d chat1@HOST": PAUSED,
    "celery -A tasks control shutdown -d movement1@HOST": LIES,
    "celery -A tasks control shutdown -d movement2@HOST": LIES,
    "celery -A tasks inspect ping": GROWN,
    "celery -A tasks inspect active_queues -d trade1@HOST": Ran(
        f"{SCALING}test_a_family_is_paused_and_catches_up_while_bots_play"
    ),
    "celery -A tasks inspect stats -d movement1@HOST": GROWN,
    "python -m gateway tcp:4001": Ran(
        "tests/acceptance/test_crowds.py::test_thirty_bots_are_all_answered_without_errors"
    ),
    "python -m gateway ssl:4443:privateKey=key.pem:certKey=cert.pem": Ran(
        "tests/integration/test_tls.py::test_the_deployment_plays_over_tls_to_the_broker_and_to_players"
    ),
    f"celery multi start {_NAMES} {_QUEUES} {_FILES}": MULTI,
    f"celery multi restart {_NAMES} {_QUEUES} {_FILES}": MULTI,
    f"celery multi stopwait {_NAMES} {_FILES}": MULTI,
    "gameserver broker-users --gateways gateway1,gateway2": SMALL,
    "gameserver declare": Ran("tests/integration/test_access.py::test_everyone_plays_its_part_as_its_own_user"),
    "gameserver secrets FOLDER --gateways gateway1,gateway2": Ran(
        "tests/unit/cli/test_secrets.py::test_the_command_says_what_it_made_but_no_secret"
    ),
    "gameserver secrets FOLDER --renew broker_worker flower_password": RENEWED,
    "gameserver secrets FOLDER --renew broker_users.json": RENEWED,
    "docker compose -f docker/compose.yml build": DEVELOPED,
    _SECRETS: DEVELOPED,
    "docker compose -f docker/compose.yml up": DEVELOPED,
    "docker compose -f docker/compose.yml --profile bots up": DEVELOPED,
    "docker compose -f docker/compose.yml run --rm operator gameserver status": DEVELOPED,
    f"{_PRODUCTION} up -d": SCALED,
    f"{_PRODUCTION} run --rm operator celery -A tasks inspect ping": SEEN,
    f"{_PRODUCTION} up -d --no-recreate": SCALED,
    f"{_PRODUCTION} build": UPDATED,
    f"{_PRODUCTION} up -d migrate declare": UPDATED,
    f"{_PRODUCTION} wait migrate declare": UPDATED,
    f"{_PRODUCTION} up -d --wait beat1": UPDATED,
    f"{_PRODUCTION} up -d --wait beat2": UPDATED,
    f"{_PRODUCTION} up -d --wait gateway1": UPDATED,
    f"{_PRODUCTION} up -d --wait gateway2": UPDATED,
    f"{_SECRETS} --renew broker_worker": ROTATED,
    f"{_PRODUCTION} exec rabbit1 rabbitmqctl import_definitions /run/secrets/broker_users.json": ROTATED,
    f"{_PRODUCTION} exec postgres {_ALTER}": ROTATED,
    "gameserver copy --to postgresql://game@HOST/game": Ran(
        "tests/unit/cli/test_database.py::test_the_command_copies_the_database_of_the_settings"
    ),
    "gameserver dead list [--family chat] [--player ada] [--hours 24]": LETTERS,
    "gameserver dead list --hours 1": LETTERS,
    "gameserver dead show ID": LETTERS,
    "gameserver dead replay ID": LETTERS,
    "gameserver dead drop ID": LETTERS,
    "gameserver catalogue export FILE": Ran(
        "tests/unit/cli/test_catalogue.py::test_the_command_writes_a_file_or_says_why_not"
    ),
    "gameserver catalogue diff FILE": Ran("tests/unit/cli/test_catalogue.py::test_the_status_is_1_if_something_breaks"),
    "gameserver catalogue diff --running": Ran(f"{WATCH}test_the_catalogue_is_compared_with_that_of_running_workers"),
    "gameserver migrate": SMALL,
    'gameserver announce "The server restarts in five minutes."': Ran(
        "tests/unit/operations/test_announcing.py::test_everybody_is_told_once_however_often_the_event_comes"
    ),
    "gameserver world check FILE": MAPS,
    "gameserver world apply": MAPS,
    "gameserver world save": Ran("tests/unit/cli/test_world.py::test_what_is_built_is_saved_and_then_forgotten"),
    "gameserver roles list": Ran(
        "tests/unit/cli/test_player_roles.py::test_roles_are_listed_and_who_or_what_is_not_there_is_named"
    ),
    "gameserver roles grant Ada builder": Ran(
        "tests/unit/cli/test_player_roles.py::test_a_role_counts_from_the_next_event_on"
    ),
    "gameserver queues": SMALL,
    "gameserver queues --drain": DRAINED,
    "gameserver dev": Ran(
        "tests/integration/test_development.py::test_whatever_is_saved_is_live_while_everyone_plays_on"
    ),
    "gameserver backup FILE": Ran(f"{BACKUP}test_a_backup_of_sqlite_is_made_while_players_play_and_comes_back"),
    'pg_dump --format=custom --file=FILE "$DATABASE_URL"': DUMPED,
    'pg_restore --no-owner --exit-on-error --dbname="$DATABASE_URL" FILE': DUMPED,
    "createdb NAME": Not("the test makes its database in SQL"),
    "cp -p var/secret.key FOLDER": Not("it is the system's own; the tests of backups copy the key in Python"),
    "kill -KILL PID": Ran(
        "tests/acceptance/test_crowds.py::test_killed_children_and_killed_workers_leave_nothing_unanswered"
    ),
    'python -m pytest -m "not long" tests/integration tests/acceptance/test_play.py tests/chaos/test_chaos.py': Not(
        "it is the tests themselves, by hand, against a version that is not this machine's"
    ),
    "df -h .": SYSTEM,
    "du -sh var var/log": SYSTEM,
    "make run": Not("tests start each of its programs by itself, and read its plan: tests/unit/up"),
}
