"""The way to a DICOMweb handler in one look-up, before all routes are tried one after the other.

DICOMweb addresses alternate between what is named and its name, ``studies/UID/series/UID/...``: the first of each pair
tell the route. Trying some hundred patterns in turn took a quarter of the time of answering with a frame. Whatever is
not found here is found, or not, in the general way.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from viewer_api.dicomweb.direct_route import DirectRoute

_TREE = "dicom-web"
Key = tuple[str, int, tuple[str, ...]]
"""Method, number of segments, and every other one of them."""


class StraightRoutes(BaseRoute):
    """Direct routes, below ``/dicom-web`` and below ``/sites/{site}/dicom-web``."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._table: dict[Key, tuple[DirectRoute, list[str]]] = {}
        for route in routes:
            if isinstance(route, DirectRoute) and route.is_direct:
                self._add(route)

    def _add(self, route: DirectRoute) -> None:
        segments = route.path.removeprefix("/").split("/")
        named, names = segments[::2], [segment[1:-1] for segment in segments[1::2]]
        plain = all("{" not in each for each in named)
        if (
            plain
            and segments[1::2] == [f"{{{name}}}" for name in names]
            and set(names) <= {*route.param_convertors}
        ):
            for method in route.methods or ():
                self._table.setdefault((method, len(segments), tuple(named)), (route, names))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See `BaseRoute`."""
        if scope["type"] != "http":
            return Match.NONE, {}
        given: dict[str, str] = {}
        segments = get_route_path(scope).split("/")[1:]
        if len(segments) > 2 and segments[0] == "sites" and segments[1]:
            given["site"] = segments[1]
            segments = segments[2:]
        if not segments or segments[0] != _TREE:
            return Match.NONE, {}
        found = self._table.get((scope["method"], len(segments) - 1, tuple(segments[1::2])))
        values = segments[2::2]
        if found is None or not all(values):
            return Match.NONE, {}
        route, names = found
        given.update(zip(names, values, strict=True))
        return Match.FULL, {"endpoint": route.endpoint, "path_params": given, "route": route}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See `BaseRoute`."""
        await scope["route"].app(scope, receive, send)
