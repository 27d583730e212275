"""The public edge of the engine: what the code of a game may import.

What stands in ``__all__`` keeps its name and meaning from one minor version to the next; everything else of the engine
is private. Beside it a game may import what its modules export (``gameserver.modules.*``: their ``events``,
``entities`` and ``maps``, ``sessions.players``, ``movement.bodies``, ``movement.view``, ``movement.appearance`` and
``combat.fighters``), ``gameserver.testing`` in its tests, and ``gameserver.client``.

Names are imported when they are first asked for: a game's package says ``GAME = Game(...)`` before the rest of the
engine may look at it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gameserver.declare.base import ChannelName as ChannelName
    from gameserver.declare.base import EntityId as EntityId
    from gameserver.declare.base import Event as Event
    from gameserver.declare.base import Name as Name
    from gameserver.declare.base import Notice as Notice
    from gameserver.declare.base import Result as Result
    from gameserver.declare.base import Secret as Secret
    from gameserver.declare.base import Text as Text
    from gameserver.declare.base import event as event
    from gameserver.declare.base import notice as notice
    from gameserver.declare.client_view import Packet as Packet
    from gameserver.declare.client_view import View as View
    from gameserver.declare.client_view import follows as follows
    from gameserver.declare.conserved import also_conserved as also_conserved
    from gameserver.declare.conserved import conserved as conserved
    from gameserver.declare.conserved import each as each
    from gameserver.declare.conserved import total as total
    from gameserver.declare.entity import Entity as Entity
    from gameserver.declare.entity import Index as Index
    from gameserver.declare.entity import Keep as Keep
    from gameserver.declare.entity import Often as Often
    from gameserver.declare.entity import Place as Place
    from gameserver.declare.entity import beginning as beginning
    from gameserver.declare.entity import entity as entity
    from gameserver.declare.field_conditions import Field as Field
    from gameserver.declare.field_conditions import Ids as Ids
    from gameserver.declare.field_conditions import all_of as all_of
    from gameserver.declare.field_conditions import any_of as any_of
    from gameserver.declare.field_conditions import test as test
    from gameserver.declare.game_package import Game as Game
    from gameserver.declare.hooks import after as after
    from gameserver.declare.hooks import before as before
    from gameserver.declare.once_per_reading import once_per_reading as once_per_reading
    from gameserver.declare.packet_parts import Part as Part
    from gameserver.declare.packet_parts import adds as adds
    from gameserver.declare.packet_parts import part_in as part_in
    from gameserver.declare.phrasebook import details as details
    from gameserver.declare.phrases import Sight as Sight
    from gameserver.declare.phrases import answered as answered
    from gameserver.declare.phrases import answers as answers
    from gameserver.declare.phrases import command as command
    from gameserver.declare.phrases import detail as detail
    from gameserver.declare.phrases import gmcp as gmcp
    from gameserver.declare.phrases import picture as picture
    from gameserver.declare.phrases import status as status
    from gameserver.declare.phrases import styled as styled
    from gameserver.declare.phrases import told as told
    from gameserver.declare.roles import role as role
    from gameserver.declare.session_events import SESSION_LANE as SESSION_LANE
    from gameserver.declare.session_events import Entrance as Entrance
    from gameserver.declare.session_events import Leaving as Leaving
    from gameserver.declare.session_events import Resumption as Resumption
    from gameserver.errors import NotNow as NotNow
    from gameserver.errors import Rejected as Rejected
    from gameserver.errors import Repeated as Repeated
    from gameserver.maps.data_files import Record as Record
    from gameserver.maps.data_files import misnamed as misnamed
    from gameserver.maps.data_files import names_in as names_in
    from gameserver.maps.data_files import records as records
    from gameserver.maps.objects import MapObject as MapObject
    from gameserver.maps.objects import MapProperties as MapProperties
    from gameserver.maps.objects import Marker as Marker
    from gameserver.maps.objects import Placed as Placed
    from gameserver.maps.objects import Tile as Tile
    from gameserver.maps.objects import World as World
    from gameserver.maps.objects import Zone as Zone
    from gameserver.maps.objects import checks_world as checks_world
    from gameserver.maps.objects import instance_name as instance_name
    from gameserver.maps.objects import object_classes as object_classes
    from gameserver.maps.objects import template_of as template_of
    from gameserver.maps.world import problems_of as problems_of
    from gameserver.messages.outbound import SessionUpdate as SessionUpdate
    from gameserver.rules.map_misfits import fitting as fitting
    from gameserver.rules.map_redraws import redraws as redraws
    from gameserver.rules.needs import Box as Box
    from gameserver.rules.needs import Listing as Listing
    from gameserver.rules.needs import Matching as Matching
    from gameserver.rules.needs import Near as Near
    from gameserver.rules.needs import Needs as Needs
    from gameserver.rules.needs import Rows as Rows
    from gameserver.rules.needs import count as count
    from gameserver.rules.needs import distinct as distinct
    from gameserver.rules.needs import ids as ids
    from gameserver.rules.needs import mail as mail
    from gameserver.rules.needs import mail_count as mail_count
    from gameserver.rules.needs import matching as matching
    from gameserver.rules.needs import near as near
    from gameserver.rules.needs import newest as newest
    from gameserver.rules.needs import portion as portion
    from gameserver.rules.needs import values as values
    from gameserver.rules.needs import where as where
    from gameserver.rules.outcome import Context as Context
    from gameserver.rules.outcome import Dice as Dice
    from gameserver.rules.outcome import Notification as Notification
    from gameserver.rules.outcome import Outcome as Outcome
    from gameserver.rules.outcome import Passwords as Passwords
    from gameserver.rules.outcome import Reader as Reader
    from gameserver.rules.outcome import State as State
    from gameserver.rules.outcome import has_room_for_mail as has_room_for_mail
    from gameserver.rules.outcome import rule as rule
    from gameserver.rules.stored_times import awaited as awaited
    from gameserver.rules.stored_times import heard_lately as heard_lately
    from gameserver.server_time import CLOCK_TOLERANCE_MS as CLOCK_TOLERANCE_MS

__all__ = [
    "CLOCK_TOLERANCE_MS",
    "SESSION_LANE",
    "Box",
    "ChannelName",
    "Context",
    "Dice",
    "Entity",
    "EntityId",
    "Entrance",
    "Event",
    "Field",
    "Game",
    "Ids",
    "Index",
    "Keep",
    "Leaving",
    "Listing",
    "MapObject",
    "MapProperties",
    "Marker",
    "Matching",
    "Name",
    "Near",
    "Needs",
    "NotNow",
    "Notice",
    "Notification",
    "Often",
    "Outcome",
    "Packet",
    "Part",
    "Passwords",
    "Place",
    "Placed",
    "Reader",
    "Record",
    "Rejected",
    "Repeated",
    "Result",
    "Resumption",
    "Rows",
    "Secret",
    "SessionUpdate",
    "Sight",
    "State",
    "Text",
    "Tile",
    "View",
    "World",
    "Zone",
    "adds",
    "after",
    "all_of",
    "also_conserved",
    "answered",
    "answers",
    "any_of",
    "awaited",
    "before",
    "beginning",
    "checks_world",
    "command",
    "conserved",
    "count",
    "detail",
    "details",
    "distinct",
    "each",
    "entity",
    "event",
    "fitting",
    "follows",
    "gmcp",
    "has_room_for_mail",
    "heard_lately",
    "ids",
    "instance_name",
    "mail",
    "mail_count",
    "matching",
    "misnamed",
    "names_in",
    "near",
    "newest",
    "notice",
    "object_classes",
    "once_per_reading",
    "part_in",
    "picture",
    "portion",
    "problems_of",
    "records",
    "redraws",
    "role",
    "rule",
    "status",
    "styled",
    "template_of",
    "test",
    "told",
    "total",
    "values",
    "where",
]

# Which module each name comes from.
_HOMES = {
    "object_classes": "gameserver.maps.objects",
    "problems_of": "gameserver.maps.world",
    "redraws": "gameserver.rules.map_redraws",
    "role": "gameserver.declare.roles",
    "template_of": "gameserver.maps.objects",
    "instance_name": "gameserver.maps.objects",
    "Passwords": "gameserver.rules.outcome",
    "Reader": "gameserver.rules.outcome",
    "Repeated": "gameserver.errors",
    "Game": "gameserver.declare.game_package",
    "ChannelName": "gameserver.declare.base",
    "EntityId": "gameserver.declare.base",
    "Event": "gameserver.declare.base",
    "Name": "gameserver.declare.base",
    "Notice": "gameserver.declare.base",
    "Result": "gameserver.declare.base",
    "Secret": "gameserver.declare.base",
    "Text": "gameserver.declare.base",
    "event": "gameserver.declare.base",
    "notice": "gameserver.declare.base",
    "Entity": "gameserver.declare.entity",
    "Index": "gameserver.declare.entity",
    "Keep": "gameserver.declare.entity",
    "Often": "gameserver.declare.entity",
    "Place": "gameserver.declare.entity",
    "entity": "gameserver.declare.entity",
    "all_of": "gameserver.declare.field_conditions",
    "any_of": "gameserver.declare.field_conditions",
    "test": "gameserver.declare.field_conditions",
    "also_conserved": "gameserver.declare.conserved",
    "conserved": "gameserver.declare.conserved",
    "each": "gameserver.declare.conserved",
    "total": "gameserver.declare.conserved",
    "Packet": "gameserver.declare.client_view",
    "View": "gameserver.declare.client_view",
    "follows": "gameserver.declare.client_view",
    "after": "gameserver.declare.hooks",
    "before": "gameserver.declare.hooks",
    "once_per_reading": "gameserver.declare.once_per_reading",
    "Part": "gameserver.declare.packet_parts",
    "adds": "gameserver.declare.packet_parts",
    "part_in": "gameserver.declare.packet_parts",
    "Sight": "gameserver.declare.phrases",
    "answered": "gameserver.declare.phrases",
    "answers": "gameserver.declare.phrases",
    "command": "gameserver.declare.phrases",
    "detail": "gameserver.declare.phrases",
    "details": "gameserver.declare.phrasebook",
    "gmcp": "gameserver.declare.phrases",
    "picture": "gameserver.declare.phrases",
    "status": "gameserver.declare.phrases",
    "styled": "gameserver.declare.phrases",
    "told": "gameserver.declare.phrases",
    "SESSION_LANE": "gameserver.declare.session_events",
    "Entrance": "gameserver.declare.session_events",
    "Leaving": "gameserver.declare.session_events",
    "Resumption": "gameserver.declare.session_events",
    "NotNow": "gameserver.errors",
    "Rejected": "gameserver.errors",
    "SessionUpdate": "gameserver.messages.outbound",
    "Needs": "gameserver.rules.needs",
    "count": "gameserver.rules.needs",
    "distinct": "gameserver.rules.needs",
    "ids": "gameserver.rules.needs",
    "mail": "gameserver.rules.needs",
    "mail_count": "gameserver.rules.needs",
    "matching": "gameserver.rules.needs",
    "near": "gameserver.rules.needs",
    "newest": "gameserver.rules.needs",
    "portion": "gameserver.rules.needs",
    "values": "gameserver.rules.needs",
    "where": "gameserver.rules.needs",
    "Context": "gameserver.rules.outcome",
    "Notification": "gameserver.rules.outcome",
    "Outcome": "gameserver.rules.outcome",
    "State": "gameserver.rules.outcome",
    "has_room_for_mail": "gameserver.rules.outcome",
    "rule": "gameserver.rules.outcome",
    "awaited": "gameserver.rules.stored_times",
    "Record": "gameserver.maps.data_files",
    "records": "gameserver.maps.data_files",
    "World": "gameserver.maps.objects",
    "Zone": "gameserver.maps.objects",
    "Marker": "gameserver.maps.objects",
    "MapObject": "gameserver.maps.objects",
    "MapProperties": "gameserver.maps.objects",
    "checks_world": "gameserver.maps.objects",
    "fitting": "gameserver.rules.map_misfits",
    "Placed": "gameserver.maps.objects",
    "Listing": "gameserver.rules.needs",
    "Matching": "gameserver.rules.needs",
    "Near": "gameserver.rules.needs",
    "Box": "gameserver.rules.needs",
    "Rows": "gameserver.rules.needs",
    "Field": "gameserver.declare.field_conditions",
    "Ids": "gameserver.declare.field_conditions",
    "misnamed": "gameserver.maps.data_files",
    "names_in": "gameserver.maps.data_files",
    "Tile": "gameserver.maps.objects",
    "Dice": "gameserver.rules.outcome",
    "heard_lately": "gameserver.rules.stored_times",
    "CLOCK_TOLERANCE_MS": "gameserver.server_time",
    "beginning": "gameserver.declare.entity",
}


def __getattr__(name: str) -> Any:
    """Import a name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"gameserver.game has no {name}: it is not public, or was never there.")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
