import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gameserver import config
from gameserver.broker.topology import Queues
from gameserver.config import LIMITS_DERIVED, LIMITS_RENAMED, environment, limit_variable, load, read_env_file
from gameserver.declare.game_package import game
from gameserver.errors import Corrupt
from gameserver.limits import Limits


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "var").mkdir()
    return tmp_path


def loaded(home: Path, **variables: str) -> Any:
    return load({"GAMESERVER_HOME": str(home), **variables})


def test_without_a_word_from_outside_everything_has_a_default(home: Path) -> None:
    settings = loaded(home)
    assert settings.limits == Limits()
    assert settings.database_url == f"sqlite:///{home}/var/world.sqlite"
    assert settings.world_file == game().world
    assert settings.var == home / "var"
    assert settings.secret_key_file == home / "var" / "secret.key"
    assert settings.amqp_url.startswith("amqp://")
    assert (settings.queues, settings.gateway_id, settings.log_level) == (Queues(), "", "info")


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("AMQP_URL", "amqp://x", "amqp_url", "amqp://x"),
        ("AMQP_MANAGEMENT_URL", "http://x", "amqp_management_url", "http://x"),
        ("DATABASE_URL", "postgresql://x", "database_url", "postgresql://x"),
        ("GAMESERVER_ENDPOINTS", "tcp:1 ssl:2", "endpoints", ("tcp:1", "ssl:2")),
        ("GAMESERVER_GATEWAY_ID", "g7", "gateway_id", "g7"),
        ("GAMESERVER_WEB_ORIGINS", "https://a.example *", "web_origins", frozenset({"https://a.example", "*"})),
        ("GAMESERVER_WORLD", "/x/y.world", "world_file", Path("/x/y.world")),
        ("GAMESERVER_SECRET_KEY_FILE", "/x/key", "secret_key_file", Path("/x/key")),
        ("GAMESERVER_OWN_QUEUES", "attack, move say", "queues", Queues(own=frozenset({"attack", "move", "say"}))),
        ("GAMESERVER_SPLIT_QUEUES", "move:2, chat:3", "queues", Queues(split={"move": 2, "chat": 3})),
        (
            "GAMESERVER_GATEWAYS",
            "g1=10.0.0.1:4000, g2=[::1]:4000",
            "gateways",
            {"g1": "10.0.0.1:4000", "g2": "[::1]:4000"},
        ),
        (
            "GAMESERVER_GATEWAYS",
            "g1=10.0.0.1:4000, g1=wss://play1.example/socket",
            "web_gateways",
            {"g1": "wss://play1.example/socket"},
        ),
        ("GAMESERVER_QUEUE_TYPE", "Quorum", "queues", Queues(type="quorum")),
        ("GAMESERVER_LOG_LEVEL", "DEBUG", "log_level", "debug"),
    ],
)
def test_the_environment_overrides_a_default(home: Path, variable: str, text: str, name: str, value: Any) -> None:
    assert getattr(loaded(home, **{variable: text}), name) == value


@pytest.mark.parametrize("field", msgspec.structs.fields(Limits), ids=lambda field: field.name)
def test_every_limit_has_its_variable(home: Path, field: Any) -> None:
    fine = field.default + 1 if field.name in ("outcomes_kept", "connections_max") else field.default
    limits = loaded(home, **{f"GAMESERVER_{field.name.upper()}": str(fine)}).limits
    assert getattr(limits, field.name) == fine
    assert type(getattr(limits, field.name)) is field.type


@pytest.mark.parametrize("word", ["movement", "movement:two", "movement:", "movement:-1"])
def test_a_split_that_says_no_number_is_refused(home: Path, word: str) -> None:
    with pytest.raises(Corrupt, match="not like movement:2"):
        loaded(home, GAMESERVER_SPLIT_QUEUES=word)


@pytest.mark.parametrize("word", ["g1", "g1=", "g1=10.0.0.1", "=10.0.0.1:4000", "=wss://a", "g1=http://a"])
def test_a_gateway_without_name_or_address_is_refused(home: Path, word: str) -> None:
    with pytest.raises(Corrupt, match="GAMESERVER_GATEWAYS"):
        loaded(home, GAMESERVER_GATEWAYS=word)


def test_a_queue_type_that_does_not_exist_is_refused(home: Path) -> None:
    with pytest.raises(Corrupt, match="GAMESERVER_QUEUE_TYPE='mirrored'"):
        loaded(home, GAMESERVER_QUEUE_TYPE="mirrored")


@pytest.mark.parametrize(
    ("variable", "name", "without", "within"),
    [
        (
            "AMQP",
            "amqp_url",
            "amqp://ada@one//;amqp://ada:old@two/",
            "amqp://ada:p%2F%40%3A@one//;amqp://ada:p%2F%40%3A@two/",
        ),
        ("AMQP_MANAGEMENT", "amqp_management_url", "http://ada@one:15672", "http://ada:p%2F%40%3A@one:15672"),
        ("DATABASE", "database_url", "postgresql://ada@one/game", "postgresql://ada:p%2F%40%3A@one/game"),
    ],
)
def test_a_password_comes_from_a_file(home: Path, variable: str, name: str, without: str, within: str) -> None:
    (home / "secret").write_text("p/@:\n")
    settings = loaded(home, **{f"{variable}_URL": without, f"{variable}_PASSWORD_FILE": str(home / "secret")})
    assert getattr(settings, name) == within


@pytest.mark.parametrize(
    ("file", "url", "said"),
    [
        ("no_such", "amqp://ada@one", "AMQP_PASSWORD_FILE: .*no_such"),
        ("empty", "amqp://ada@one", "AMQP_PASSWORD_FILE: .*empty"),
        ("secret", "amqp://one/x", "AMQP_PASSWORD_FILE is given, but no user in the address one"),
        ("secret", "amqp://:word@one/x", "AMQP_PASSWORD_FILE is given, but no user in the address"),
    ],
)
def test_a_password_file_that_is_of_no_use_stops_a_process(home: Path, file: str, url: str, said: str) -> None:
    (home / "secret").write_text("word")
    (home / "empty").write_text("\n")
    with pytest.raises(Corrupt, match=said):
        loaded(home, AMQP_URL=url, AMQP_PASSWORD_FILE=str(home / file))


def test_a_password_file_that_is_named_by_nothing_is_none(home: Path) -> None:
    settings = loaded(home, AMQP_URL="amqp://ada:word@one", AMQP_PASSWORD_FILE="", FLOWER_BASIC_AUTH_FILE="")
    assert (settings.amqp_url, settings.flower_basic_auth) == ("amqp://ada:word@one", "")


def test_what_the_deployment_wrote_stands_between_defaults_and_environment(home: Path) -> None:
    (home / "var" / "house.env").write_text("AMQP_URL=amqp://deployment\nGAMESERVER_FRAME_BYTES_MAX=100\n")
    settings = loaded(home)
    assert (settings.amqp_url, settings.limits.frame_bytes_max) == ("amqp://deployment", 100)
    settings = loaded(home, AMQP_URL="amqp://mine")
    assert (settings.amqp_url, settings.limits.frame_bytes_max) == ("amqp://mine", 100)


def test_a_deployment_file_has_comments_spaces_and_equal_signs(tmp_path: Path) -> None:
    file = tmp_path / "house.env"
    file.write_text("# A=1\n\n  B = two words \nC=a=b\nnonsense\n")
    assert read_env_file(file) == {"B": "two words", "C": "a=b"}
    assert read_env_file(tmp_path / "none.env") == {}


@pytest.mark.parametrize("text", ["many", "", "1.5", "0", "-3", "1e3"])
def test_a_number_that_is_none_is_refused_by_the_name_of_its_variable(home: Path, text: str) -> None:
    with pytest.raises(Corrupt, match="GAMESERVER_FRAME_BYTES_MAX") as fault:
        loaded(home, GAMESERVER_FRAME_BYTES_MAX=text)
    assert fault.value.code == "bad_setting"


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_a_limit_is_finite(home: Path, text: str) -> None:
    with pytest.raises(Corrupt, match="GAMESERVER_PACKETS_PER_S"):
        loaded(home, GAMESERVER_PACKETS_PER_S=text)


@pytest.mark.parametrize(("old", "new"), LIMITS_RENAMED.items())
def test_a_limit_is_read_by_its_old_name_with_one_warning(
    home: Path, caplog: pytest.LogCaptureFixture, old: str, new: str
) -> None:
    config._warn_of_old_name.cache_clear()
    near = getattr(Limits(), new) * 0.99 if old.endswith("_s") or "_s_" in old else getattr(Limits(), new)
    for _ in range(2):
        assert getattr(loaded(home, **{limit_variable(old): str(near)}).limits, new) == near
    assert [record.getMessage().split(".")[0] for record in caplog.records] == [
        f"{limit_variable(old)} is called {limit_variable(new)} now"
    ]


@pytest.mark.parametrize(("old", "new"), LIMITS_DERIVED.items())
def test_a_limit_that_is_derived_now_is_left_unread_with_one_warning(
    home: Path, caplog: pytest.LogCaptureFixture, old: str, new: str
) -> None:
    config._warn_of_derived.cache_clear()
    for _ in range(2):
        assert loaded(home, **{limit_variable(old): "7"}).limits == Limits()
    assert [record.getMessage() for record in caplog.records] == [
        f"{limit_variable(old)} is read no longer: it is derived from {limit_variable(new)} now."
    ]


def test_old_names_are_no_limits_any_more_and_lead_to_limits() -> None:
    limits = {field.name for field in msgspec.structs.fields(Limits)}
    assert not limits & (LIMITS_RENAMED.keys() | LIMITS_DERIVED.keys())
    assert {*LIMITS_RENAMED.values(), *LIMITS_DERIVED.values()} <= limits


def test_old_and_new_name_may_be_set_together_unless_they_differ(home: Path) -> None:
    same = {"GAMESERVER_LOGIN_S_MAX": "7", "GAMESERVER_LOGIN_TIMEOUT_S": "7"}
    assert loaded(home, **same).limits.login_timeout_s == 7
    with pytest.raises(Corrupt) as fault:
        loaded(home, **{**same, "GAMESERVER_LOGIN_TIMEOUT_S": "8"})
    assert fault.value.message == (
        "GAMESERVER_LOGIN_S_MAX='7' is the old name of GAMESERVER_LOGIN_TIMEOUT_S='8': set one of them only."
    )


def test_the_environment_comes_before_the_file_whatever_name_each_uses(home: Path) -> None:
    (home / "var" / "house.env").write_text("GAMESERVER_LOGIN_TIMEOUT_S=5\n")
    assert loaded(home, GAMESERVER_LOGIN_S_MAX="6").limits.login_timeout_s == 6
    (home / "var" / "house.env").write_text("GAMESERVER_LOGIN_S_MAX=5\n")
    assert loaded(home, GAMESERVER_LOGIN_TIMEOUT_S="6").limits.login_timeout_s == 6


def test_limits_are_checked_against_each_other_when_loaded(home: Path) -> None:
    with pytest.raises(Corrupt, match=r"frame_bytes_max .* must not exceed write_buffer_soft_bytes"):
        loaded(home, GAMESERVER_FRAME_BYTES_MAX="100000")


def test_settings_are_frozen(home: Path) -> None:
    with pytest.raises(AttributeError):
        loaded(home).amqp_url = "other"


def test_the_environment_is_read_when_nothing_is_given(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAMESERVER_HOME", str(home))
    monkeypatch.setenv("GAMESERVER_GATEWAY_ID", "g9")
    assert load().gateway_id == "g9"
    assert environment() == dict(os.environ)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("tcp:4000", config.Endpoint("player", False, "tcp:4000")),
        ("haproxy:tcp:4000", config.Endpoint("player", True, "tcp:4000")),
        ("web:shared:4080", config.Endpoint("web", False, "shared:4080")),
        ("web:haproxy:tcp:4080", config.Endpoint("web", True, "tcp:4080")),
        ("telnet:haproxy:tcp:4023", config.Endpoint("telnet", True, "tcp:4023")),
    ],
)
def test_an_endpoint_says_what_is_spoken_there(text: str, endpoint: config.Endpoint):
    assert config.read_endpoint(text) == endpoint
