"""How the samples that lie behind one another become one (PS3.18 8.3.5.3.3)."""

from __future__ import annotations

from typing import Literal

Method = Literal["MAXIMUM_IP", "MINIMUM_IP", "AVERAGE_IP", "VOLUME_RENDERED"]
"""Rendering Method (0070,120D)."""
METHODS: dict[str, Method] = {
    "maximum_ip": "MAXIMUM_IP",
    "minimum_ip": "MINIMUM_IP",
    "average_ip": "AVERAGE_IP",
    "volume_rendered": "VOLUME_RENDERED",
}
