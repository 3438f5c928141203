"""Roles a person holds at a hospital (the same person may hold several, at several)."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a member of a hospital may act as."""

    TECHNICIAN = "technician"
    REFERRING_DOCTOR = "referring_doctor"
    REPORT_DOCTOR = "report_doctor"
    REVIEW_DOCTOR = "review_doctor"
    EXPERT = "expert"
    DISPATCHER = "dispatcher"
    INSTITUTION_ADMIN = "institution_admin"
    PLATFORM_ADMIN = "platform_admin"
    SERVICE = "service"


READERS = frozenset({Role.REPORT_DOCTOR, Role.REVIEW_DOCTOR, Role.EXPERT, Role.DISPATCHER})
"""Roles that read for others: they see drafts of their own hospital's work."""

SEES_NO_PATIENTS = frozenset({Role.PLATFORM_ADMIN})
"""Roles that run the platform and see no patient by default."""
