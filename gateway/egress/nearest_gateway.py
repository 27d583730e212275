"""Which gateway serves the players of a place best, where the gateways are known.

What happens in a place is sent once to each gateway that has players there. Where those of a zone are anywhere, every
gateway hears nearly everything. So a gateway may tell a client where the players of its zone are served. It serves
those who stay all the same.
"""

from collections.abc import Mapping

from gameserver.broker.gateway_routing import route
from gameserver.wire.codecs import AddressForm


class GatewayDirectory:
    """``own``: this gateway's name; ``gateways``: the address of each by its name, the same for all of them.

    ``web_gateways``: the same for browsers.
    """

    def __init__(self, own: str, gateways: Mapping[str, str], web_gateways: Mapping[str, str] | None = None) -> None:
        names = {*gateways, *(web_gateways or {})}
        self._own = own
        self._names = sorted(names) if own in names else []
        self._addresses: dict[AddressForm, Mapping[str, str]] = {"host and port": gateways, "url": web_gateways or {}}

    def address_for(self, place: str, form: AddressForm = "host and port") -> str:
        """Return the address of the gateway for a place, "" where that is this one or nobody knows.

        All places of a routing key have one gateway, and each gateway as many keys as the others.
        """
        if not self._names or not form:
            return ""
        name = self._names[route(place) % len(self._names)]
        return "" if name == self._own else self._addresses[form].get(name, "")
