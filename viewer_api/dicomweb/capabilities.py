"""What this service can do, for programs (PS3.18 8.9): OPTIONS of any address, and GET of the service's own.

WADL (PS3.18 Annex H), or JSON. Both are made from the description that `/openapi.json` gives, so that there is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from fastapi import APIRouter, Request, Response

from storage.errors import NotFound
from viewer_api.dicomweb.accept import choose
from viewer_api.dicomweb.addresses import service_url
from viewer_api.problems import described

WADL, JSON = "application/vnd.sun.wadl+xml", "application/json"
_ROOT: dict[int | str, dict[str, Any]] = {
    200: {"description": "as asked for", "content": {JSON: {}, WADL: {}}},
    406: described(406),
}
_MEDIA_TYPES = (WADL, JSON, "application/xml")
_NAMESPACE = "http://wadl.dev.java.net/2009/02"
_METHODS = ("get", "head", "post", "put", "delete")

Operations = dict[str, dict[str, Any]]
"""By method, as OpenAPI describes them."""


def declare(router: APIRouter) -> None:
    """Put them into the service's router, behind everything else that is there."""
    for path in ("", "/"):
        router.options(path, include_in_schema=False)(service)
        router.get(path, response_class=Response, responses=_ROOT, include_in_schema=not path)(root)
        router.head(path, include_in_schema=False)(root)
    router.options("/{path:path}", include_in_schema=False)(resource)


def service(request: Request) -> Response:
    """The whole service."""
    return _answer(request, dict(_resources(request)))


def root(request: Request) -> Response:
    """What there is below this address; open to everyone, it tells nothing of patients."""
    return _answer(request, dict(_resources(request)), (JSON, WADL, "application/xml"))


def resource(path: str, request: Request) -> Response:
    """One resource."""
    found = {name: what for name, what in _resources(request) if _pattern(name).fullmatch(f"/{path}")}
    if not found:
        raise NotFound("there is no such resource")
    return _answer(request, found)


def _answer(
    request: Request, found: dict[str, Operations], offered: tuple[str, ...] = _MEDIA_TYPES
) -> Response:
    media_type = choose(request, offered)
    methods = {method.upper() for operations in found.values() for method in operations} | {"OPTIONS"}
    if "GET" in methods:
        methods.add("HEAD")
    make = _json if media_type == JSON else _wadl
    headers = {"Allow": ", ".join(sorted(methods)), "Vary": "Accept", "Cache-Control": "no-cache"}
    return Response(make(service_url(request), found), media_type=media_type, headers=headers)


def _resources(request: Request) -> Iterator[tuple[str, Operations]]:
    """Path below the service and what can be done there, in the tree that the request is in."""
    tree = "/sites/{site}/dicom-web" if "site" in request.path_params else "/dicom-web"
    for path, operations in request.app.openapi()["paths"].items():
        if path == tree or path.startswith(f"{tree}/"):
            yield path.removeprefix(tree) or "/", {m: o for m, o in operations.items() if m in _METHODS}


def _pattern(template: str) -> re.Pattern[str]:
    """What a template stands for; a parameter that is a path goes on through slashes."""
    parts = re.split(r"(\{[^}]+\})", template)
    return re.compile(
        "".join((".+" if ":path" in p else "[^/]+") if p.startswith("{") else re.escape(p) for p in parts)
    )


def _json(base: str, found: dict[str, Operations]) -> bytes:
    resources = [
        {"path": path, "methods": {method.upper(): _told(one) for method, one in operations.items()}}
        for path, operations in sorted(found.items())
    ]
    return json.dumps({"standard": "DICOM PS3.18", "base": base, "resources": resources}).encode()


def _told(operation: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": operation.get("description") or operation.get("summary", ""),
        "parameters": [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"],
        "produces": list(operation["responses"].get("200", {}).get("content", ())),
        "statuses": sorted(int(status) for status in operation["responses"] if status.isdigit()),
    }


def _wadl(base: str, found: dict[str, Operations]) -> bytes:
    application = ElementTree.Element("application", {"xmlns": _NAMESPACE})
    resources = ElementTree.SubElement(application, "resources", {"base": base})
    for path, operations in sorted(found.items()):
        one = ElementTree.SubElement(resources, "resource", {"path": path.removeprefix("/") or "/"})
        for name in re.findall(r"\{([^}:]+)", path):
            ElementTree.SubElement(one, "param", {"name": name, "style": "template", "required": "true"})
        for method, operation in operations.items():
            _wadl_method(one, method.upper(), operation)
    text: bytes = ElementTree.tostring(application, encoding="utf-8", xml_declaration=True)
    return text


def _wadl_method(resource: ElementTree.Element, name: str, operation: dict[str, Any]) -> None:
    told = _told(operation)
    method = ElementTree.SubElement(resource, "method", {"name": name, "id": operation["operationId"]})
    ElementTree.SubElement(method, "doc").text = told["summary"]
    asked = ElementTree.SubElement(method, "request")
    for parameter in told["parameters"]:
        ElementTree.SubElement(asked, "param", {"name": parameter, "style": "query"})
    for media_type in operation.get("requestBody", {}).get("content", ()):
        ElementTree.SubElement(asked, "representation", {"mediaType": media_type})
    for status in told["statuses"]:
        answer = ElementTree.SubElement(method, "response", {"status": str(status)})
        for media_type in operation["responses"][str(status)].get("content", ()):
            ElementTree.SubElement(answer, "representation", {"mediaType": media_type})
