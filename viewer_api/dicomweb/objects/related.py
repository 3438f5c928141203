"""Instances that an object refers to, as far as the same hospital holds them and the caller may see them."""

from __future__ import annotations

from collections.abc import Iterable

from storage.errors import NotFound
from storage.retrieve import StoredInstance, instances
from storage.tables import instance, study
from viewer_api.dicomweb.objects.ask import Ask

_MAX_AT_ONCE = 500


def held(ask: Ask, sop_instance_uids: Iterable[str]) -> dict[str, StoredInstance]:
    """Those of the instances that are here, by their UID: of any study of the object's hospital."""
    wanted = [uid for uid in dict.fromkeys(sop_instance_uids) if uid]
    found: dict[str, StoredInstance] = {}
    with ask.archive.database.read() as connection:
        for start in range(0, len(wanted), _MAX_AT_ONCE):
            some = instance.c.sop_instance_uid.in_(wanted[start : start + _MAX_AT_ONCE])
            here = (instance.c.site == ask.found.site, study.c.site == ask.found.site)
            rows = instances(connection, some, *here, ask.caller.visible_studies())
            found.update((row.sop_instance_uid, row) for row in rows)
    return found


def one_held(ask: Ask, sop_instance_uid: str, what: str) -> StoredInstance:
    """Raises `NotFound`, naming `what` is looked for."""
    found = held(ask, [sop_instance_uid]).get(sop_instance_uid)
    if found is None:
        raise NotFound(f"{what} is not here")
    return found
