"""Signing in and out, and who one is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from storage.archive import Archive
from storage.sites import all_sites
from viewer_api.access import Caller, caller, token_of
from viewer_api.moments import iso
from viewer_api.sessions import COOKIE, LASTS, sign_in, sign_out
from worklist.people import Person, accept_invitation

router = APIRouter()


class Credentials(BaseModel):
    """What one signs in with."""

    username: str = Field(max_length=64)
    password: str = Field(max_length=1024)


class Invitation(BaseModel):
    """A first password, set with the token of an invitation."""

    token: str = Field(max_length=200)
    password: str = Field(max_length=1024)


@router.post("/session")
def create(body: Credentials, request: Request, response: Response) -> dict[str, Any]:
    """Sign in: a token for programs, the same as a cookie for the browser."""
    archive: Archive = request.app.state.archive
    address = request.client.host if request.client else ""
    signed_in = sign_in(archive.database, body.username.strip(), body.password, address)
    response.set_cookie(
        COOKIE,
        signed_in.token,
        max_age=int(LASTS.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https",
    )
    user = user_shape(archive, signed_in.person)
    return {"token": signed_in.token, "expires_at": iso(signed_in.expires_at), "user": user}


@router.delete("/session", status_code=204)
def delete(request: Request, response: Response) -> None:
    """Sign out; harmless without a session."""
    archive: Archive = request.app.state.archive
    sign_out(archive.database, token_of(request))
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")


@router.post("/invitation", status_code=204)
def invitation(body: Invitation, request: Request) -> None:
    """Set a first password."""
    archive: Archive = request.app.state.archive
    accept_invitation(archive.database, body.token, body.password)


@router.get("/me")
def me(calling: Annotated[Caller, Depends(caller)]) -> dict[str, Any]:
    """Who is signed in, and as what."""
    return user_shape(calling.archive, calling.person)


def user_shape(archive: Archive, person: Person) -> dict[str, Any]:
    """A person with the names of their hospitals."""
    with archive.database.read() as connection:
        sites = {site.code: site for site in all_sites(connection)}
    return {
        "id": person.id,
        "username": person.username,
        "name": person.name,
        "name_zh": person.name_zh,
        "may_sign_final": person.may_sign_final,
        "licence_no": person.licence_no,
        "roles": [
            {
                "site": m.site,
                "site_name": sites[m.site].name,
                "site_name_zh": sites[m.site].name_zh,
                "role": m.role.value,
            }
            for m in person.memberships
        ],
    }
