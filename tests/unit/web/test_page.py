"""The page loads nothing from elsewhere, and holds nothing that its Content-Security-Policy forbids."""

import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path

from gameserver.wire.http import Request
from gateway.web import events, playground
from gateway.web.site import CONTENT_SECURITY_POLICY, SERVED, Site, pages_of
from tests.nodes import JAVASCRIPT, node

WEB = Path(str(files("gateway.web")))
PAGES = [
    file
    for folder in (*SERVED, "playground")
    for file in (WEB / folder).iterdir()
    if file.suffix in (".html", ".css", ".js")
]


def test_nothing_is_loaded_from_elsewhere() -> None:
    for file in PAGES:
        addresses = set(re.findall(r"\b(?:https?|wss?)://[^\s\"'`)>]+", file.read_text()))
        assert not {one for one in addresses if "${" not in one}, file


def test_pages_may_speak_to_the_gateways_that_are_named_and_to_nobody_else() -> None:
    sockets = ["wss://play1.example/socket", "ws://10.0.0.2:4080/socket"]
    request = Request("GET", "/", {}, True, 0)
    for site, more in ((Site(), ""), (Site(sockets=sockets), " wss://play1.example ws://10.0.0.2:4080")):
        assert f"connect-src 'self'{more};".encode() in site.respond(request)
    assert pages_of(sockets) == {"https://play1.example", "http://10.0.0.2:4080"}


def test_nothing_is_inline_that_the_policy_forbids() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    for file in PAGES:
        if file.suffix == ".html":
            text = file.read_text()
            assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", text), file
            assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text)), file


def test_what_a_page_names_is_served() -> None:
    pages = {*Site()._pages, *playground.pages(), events.PLACE}
    for file in PAGES:
        named = re.findall(r"(?:href|src)=\"(/[^\"]+)\"|from \"(/[^\"]+)\"", file.read_text())
        assert {path for pair in named for path in pair if path} <= pages | {"/"}, file


def test_every_field_and_button_has_a_name() -> None:
    for file in PAGES:
        if file.suffix != ".html":
            continue
        text = file.read_text()
        labelled = set(re.findall(r"<label[^>]* for=\"(\w+)\"", text)) | set(
            re.findall(r"<label>[^<]*<input id=\"(\w+)\"", text)
        )
        assert set(re.findall(r"<(?:input|select) id=\"(\w+)\"", text)) <= labelled
        unnamed = [
            tag
            for tag, inside in re.findall(r"(<button[^>]*>)([^<]*)", text)
            if "aria-label" not in tag and not inside.strip()
        ]
        assert unnamed == []


def test_scripts_can_be_read() -> None:
    for file in PAGES:
        if file.suffix == ".js":
            subprocess.run([node(), "--check", str(file)], check=True, capture_output=True)


def test_the_page_reads_health_in_one_place_alone_which_knows_games_that_have_none() -> None:
    reading = {file.name for file in (WEB / "page").glob("*.js") if re.search(r"\bhp(_max)?\b", file.read_text())}
    assert reading == {"health.js"}


def test_who_has_no_health_is_neither_down_nor_undefined() -> None:
    done = subprocess.run([node(), str(JAVASCRIPT / "health.mjs")], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [
        [None, False, ""],
        [{"left": 7, "full": 10, "part": 0.7}, False, ", health 7 of 10"],
        [{"left": 50, "full": 100, "part": 0.5}, False, ", health 50 of 100"],
        [{"left": 0, "full": 10, "part": 0}, True, ", health 0 of 10"],
    ]
