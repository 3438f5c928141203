"""Who may reject images and see what is rejected: the people and programs of the hospital whose they are."""

from __future__ import annotations

from typing import Any

from storage.audit import Act
from storage.errors import Denied
from viewer_api.access import Caller
from worklist.roles import Role

REJECTERS = frozenset({Role.TECHNICIAN, Role.INSTITUTION_ADMIN, Role.SERVICE})
RETENTION = "113039"
"""What is past its time is let go by an administrator alone."""


def require_rejecter(caller: Caller, site: str, code: str = "") -> str:
    """The roles in which the caller may, as the record names them. Raises `Denied`."""
    roles = caller.person.roles_at(site) & REJECTERS
    if code == RETENTION:
        roles &= {Role.INSTITUTION_ADMIN}
    if not roles:
        raise Denied("images are rejected by their hospital's technicians, administrators and programs")
    return ",".join(sorted(roles))[:64]


def act(caller: Caller, action: str, site: str, study: str, role: str, detail: dict[str, Any]) -> Act:
    """The act for the record."""
    person = caller.person
    who = {"actor": person.username, "role": role, "address": person.address[:64]}
    return Act(action, "study", study, **who, site=site, detail=detail)
