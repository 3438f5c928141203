"""What volumes' renderings take, for `/openapi.json` and the capabilities (PS3.18 Table 8.3.5-3, 8.3.5.1)."""

from __future__ import annotations

from typing import Any

from viewer_api.volume.slab import METHODS
from viewer_api.volume.transfer_function import PRESET_NAMES
from viewer_api.volume.view import ORIENTATIONS

_TEXT, _MM = {"type": "string"}, {"type": "number", "minimum": -1e5, "maximum": 1e5}
_DEGREES = {"type": "number", "exclusiveMinimum": 0, "maximum": 360}


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


_SHARED = (
    _parameter("orientation", {"enum": list(ORIENTATIONS)}, "which side of the patient is seen"),
    _parameter("viewpointposition", _TEXT, "x,y,z of the camera in the patient, mm"),
    _parameter("viewpointlookat", _TEXT, "x,y,z at which it looks; an MPR goes through it"),
    _parameter("viewpointup", _TEXT, "x,y,z, the direction that is up in the picture"),
    _parameter("volumeinputreference", _TEXT, "UIDs of instances, or frames, of the volume that is meant"),
    _parameter("renderedvolumetricmetadata", {"enum": ["yes"]}, "the account instead of the picture"),
    _parameter("window", _TEXT, "center,width or center,width,function"),
    _parameter("viewport", _TEXT, "vw,vh or vw,vh,sx,sy,sw,sh"),
    _parameter("quality", {"type": "integer", "minimum": 1, "maximum": 100}, "of JPEG and WebP"),
    _parameter("accept", _TEXT, "instead of the Accept header (PS3.18 8.3.3.1)"),
)
MPR_PARAMETERS = (
    _parameter(
        "renderingmethod",
        {"enum": [each for each in METHODS if each != "volume_rendered"]},
        "how a slab becomes one plane",
    ),
    _parameter("mprslab", {"type": "number", "exclusiveMinimum": 0, "maximum": 1e5}, "thickness, mm"),
    _parameter("mproffset", _MM, "further along the line of sight, mm; no parameter of the standard"),
    *_SHARED,
)
THREE_D_PARAMETERS = (
    _parameter("renderingmethod", {"enum": list(METHODS)}, "volume rendered unless told"),
    _parameter("preset", {"enum": list(PRESET_NAMES)}, "colours and opacities; no parameter of the standard"),
    _parameter("swivelrange", _DEGREES, "an animation about the vertical axis, degrees"),
    _parameter("animationstepsize", _DEGREES, "degrees from picture to picture"),
    _parameter("animationrate", {"type": "integer", "minimum": 1, "maximum": 50}, "pictures a second"),
    *_SHARED,
)
