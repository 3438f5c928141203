"""Routes whose handlers are called as they are, in one thread: who calls is found out there, and nothing is injected.

A viewer asks for a thousand frames. FastAPI's general way solves dependencies anew for each, and changes to a thread
and back for the caller and again for the handler, which together takes longer than finding and reading the frame.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute


class DirectRoute(APIRoute):
    """Such a route. A handler that wants more than names from the path, ``request`` and ``caller`` is called in the
    general way."""

    find_caller: ClassVar[Callable[[Request], Any]]
    is_direct = False

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        names = tuple(inspect.signature(self.endpoint).parameters)
        from_path = tuple(name for name in names if name in self.param_convertors)
        if set(names) != {*from_path, "request", "caller"} or inspect.iscoroutinefunction(self.endpoint):
            return super().get_route_handler()
        self.is_direct = True
        find_caller, endpoint = type(self).find_caller, self.endpoint

        def call(request: Request) -> Response:
            caller = find_caller(request)
            given = {name: request.path_params[name] for name in from_path}
            answer: Response = endpoint(**given, request=request, caller=caller)
            return answer

        async def handle(request: Request) -> Response:
            return await run_in_threadpool(call, request)

        return handle


def direct_route(caller: Callable[[Request], Any]) -> type[DirectRoute]:
    """The class of such routes where `caller` finds out who calls."""
    return type("CallersRoute", (DirectRoute,), {"find_caller": staticmethod(caller)})
