"""Presentation contexts: which services we accept, and in which encoding (PS3.8 7.1.1.13, PS3.4 B.3).

Storage is accepted for every SOP class: standard, retired, unknown, private. Refusing one would lose an exam that
we could have kept. Every transfer syntax is accepted as proposed; nothing is transcoded.

Where one context offers several transfer syntaxes, the sender's order decides, except that a lossy one never beats
a lossless one. The order is what tells which encoding a sender has at hand, while a sender that can also send
without loss must not be talked into compressing with loss: that harm cannot be undone, a larger transfer can.
Syntaxes that nobody but the maker can read come last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import RLELossless
from pynetdicom.presentation import PresentationContext, build_context

VERIFICATION = "1.2.840.10008.1.1"
_STANDARD_ROOT = "1.2.840.10008."

NOT_OF_A_PATIENT = frozenset(
    {
        "1.2.840.10008.1.3.10",  # Media Storage Directory: a list of files, not an instance
        "1.2.840.10008.5.1.4.1.1.200.1",  # CT Defined Procedure Protocol
        "1.2.840.10008.5.1.4.1.1.200.3",  # Protocol Approval
        "1.2.840.10008.5.1.4.1.1.200.7",  # XA Defined Procedure Protocol
        "1.2.840.10008.5.1.4.1.1.201.1",  # Inventory
        "1.2.840.10008.5.1.4.38.1",  # Hanging Protocol
        "1.2.840.10008.5.1.4.39.1",  # Color Palette
        "1.2.840.10008.5.1.4.43.1",  # Generic Implant Template
        "1.2.840.10008.5.1.4.44.1",  # Implant Assembly Template
        "1.2.840.10008.5.1.4.45.1",  # Implant Template Group
    }
)
"""Storage without patient and study (PS3.4 Annex GG): another service, and nothing here could own them."""

STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
_PULL_COMMITMENT = "1.2.840.10008.1.20.2"  # retired

_QUERY_RETRIEVE = "1.2.840.10008.5.1.4.1.2"
SERVICES = {
    **{f"{_QUERY_RETRIEVE}.{model}.1": "find" for model in (1, 2, 3)},
    **{f"{_QUERY_RETRIEVE}.{model}.{verb}": "retrieve" for model in (1, 2, 3) for verb in (2, 3)},
    STORAGE_COMMITMENT: "commit",
}
"""The other services and what a node needs to be allowed for them: Patient Root (1), Study Root (2) and Patient/Study
Only (3, retired) FIND (1), MOVE (2) and GET (3) of PS3.4 C.6; Storage Commitment Push of PS3.4 J."""

PLAIN = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2")
"""How identifiers are encoded: explicit, implicit, big endian."""

LOSSLESS = frozenset(
    {
        "1.2.840.10008.1.2",  # Implicit VR Little Endian
        "1.2.840.10008.1.2.1",  # Explicit VR Little Endian
        "1.2.840.10008.1.2.1.98",  # Encapsulated Uncompressed
        "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
        "1.2.840.10008.1.2.2",  # Explicit VR Big Endian
        "1.2.840.10008.1.2.4.57",  # JPEG Lossless, process 14
        "1.2.840.10008.1.2.4.58",  # JPEG Lossless, process 15
        "1.2.840.10008.1.2.4.65",  # JPEG Lossless, Hierarchical, process 28
        "1.2.840.10008.1.2.4.66",  # JPEG Lossless, Hierarchical, process 29
        "1.2.840.10008.1.2.4.70",  # JPEG Lossless, selection value 1
        "1.2.840.10008.1.2.4.80",  # JPEG-LS Lossless
        "1.2.840.10008.1.2.4.90",  # JPEG 2000 (Lossless Only)
        "1.2.840.10008.1.2.4.92",  # JPEG 2000 Part 2 (Lossless Only)
        "1.2.840.10008.1.2.4.110",  # JPEG XL Lossless
        "1.2.840.10008.1.2.4.111",  # JPEG XL JPEG Recompression: gives the same JPEG back
        "1.2.840.10008.1.2.4.201",  # HTJ2K (Lossless Only)
        "1.2.840.10008.1.2.4.202",  # HTJ2K with RPCL (Lossless Only)
        RLELossless,
        "1.2.840.10008.1.2.8.1",  # Deflated Image Frame Compression
    }
)
"""Transfer syntaxes that bring every pixel back as it was (PS3.5 Annex A)."""


def is_storage(sop_class_uid: str) -> bool:
    """Whether an abstract syntax is a SOP class whose instances belong to a patient's study.

    Private ones and standard ones that this version of the dictionary does not know are taken for storage.
    """
    if sop_class_uid in NOT_OF_A_PATIENT or sop_class_uid in (STORAGE_COMMITMENT, _PULL_COMMITMENT):
        return False
    if not sop_class_uid.startswith(_STANDARD_ROOT):
        return True
    entry = UID_dictionary.get(sop_class_uid)
    return entry is None or (entry[1] == "SOP Class" and "Storage" in entry[0])


def is_accepted(abstract_syntax: str, may: Collection[str]) -> bool:
    """Whether we serve it to a caller that may do these things (`storage.sites.MAY`). Who may fetch images proposes
    storage classes too, in which the images travel (C-GET)."""
    if abstract_syntax == VERIFICATION:
        return True
    needed = SERVICES.get(abstract_syntax)
    if needed is not None:
        return needed in may
    return is_storage(abstract_syntax) and ("store" in may or "retrieve" in may)


def choose_transfer_syntax(proposed: Sequence[str]) -> str:
    """The one of `proposed`, at least one, that we accept; see the module's head for the rule."""
    return min(proposed, key=_rank)


def _rank(transfer_syntax_uid: str) -> int:
    if transfer_syntax_uid in LOSSLESS:
        return 0
    return 1 if transfer_syntax_uid.startswith(_STANDARD_ROOT) else 2


def accept_contexts(proposed: Iterable[PresentationContext], may: Iterable[str]) -> list[PresentationContext]:
    """What to support for this proposal, one context per abstract syntax.

    Each proposed context is narrowed, in place, to the transfer syntax chosen for it, so that the negotiation that
    follows can only confirm the choice. Where the caller asks for roles it gets them: the images of a C-GET flow
    against the association's direction.
    """
    allowed = set(may)
    chosen: dict[str, list[str]] = {}
    for context in proposed:
        abstract = str(context.abstract_syntax)
        if not is_accepted(abstract, allowed):
            continue
        syntaxes = [str(uid) for uid in context.transfer_syntax]
        if abstract in SERVICES or abstract == VERIFICATION:
            syntaxes = [uid for uid in syntaxes if uid in PLAIN]
        if syntaxes:
            context.transfer_syntax = [choose_transfer_syntax(syntaxes)]
            chosen.setdefault(abstract, []).append(str(context.transfer_syntax[0]))
        else:
            chosen.setdefault(abstract, [])
    return [_supported(abstract, syntaxes) for abstract, syntaxes in chosen.items()]


def _supported(abstract_syntax: str, syntaxes: Iterable[str]) -> PresentationContext:
    context = build_context(abstract_syntax, list(dict.fromkeys(syntaxes)) or list(PLAIN))
    context.scu_role = context.scp_role = True
    return context


def accepted_extension(sop_class_uid: str, asked: bytes) -> bytes:
    """What we support of a SOP Class Extended Negotiation (PS3.4 C.5.1.1, C.5.2.1.1): relational queries and
    retrievals, byte 1; of a query also combined date and time, byte 2, and fuzzy matching of names, byte 3. Empty
    where there is nothing to say."""
    service = SERVICES.get(sop_class_uid)
    if service not in ("find", "retrieve"):
        return b""
    supported = 3 if service == "find" else 1
    return bytes(one & 1 if byte < supported else 0 for byte, one in enumerate(asked))
