"""Routes whose handlers are called as they are, in one thread: who calls is found out there, and nothing is injected.

A viewer asks for a thousand frames. FastAPI's general way solves dependencies anew for each, and changes to a thread
and back for the caller and again for the handler, which together takes longer than finding and reading the frame.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute


def direct_route(find_caller: Callable[[Request], Any]) -> type[APIRoute]:
    """The class of such routes. `find_caller` gives a handler its ``caller``."""

    class DirectRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            names = tuple(inspect.signature(self.endpoint).parameters)
            from_path = tuple(name for name in names if name in self.param_convertors)
            if set(names) != {*from_path, "request", "caller"}:
                return super().get_route_handler()  # it wants more than we can give

            def call(request: Request) -> Response:
                caller = find_caller(request)
                given = {name: request.path_params[name] for name in from_path}
                answer: Response = self.endpoint(**given, request=request, caller=caller)
                return answer

            async def handle(request: Request) -> Response:
                return await run_in_threadpool(call, request)

            return handle

    return DirectRoute
