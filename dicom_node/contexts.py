"""Presentation contexts: which services we accept, and in which encoding (PS3.8 7.1.1.13, PS3.4 B.3).

Storage is accepted for every SOP class: standard, retired, unknown, private. Refusing one would lose an exam that
we could have kept. Every transfer syntax is accepted as proposed; nothing is transcoded.

Where one context offers several transfer syntaxes, the sender's order decides, except that a lossy one never beats
a lossless one. The order is what tells which encoding a sender has at hand, while a sender that can also send
without loss must not be talked into compressing with loss: that harm cannot be undone, a larger transfer can.
Syntaxes that nobody but the maker can read come last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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

_STORAGE_COMMITMENT = frozenset({"1.2.840.10008.1.20.1", "1.2.840.10008.1.20.2"})

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
    if sop_class_uid in NOT_OF_A_PATIENT | _STORAGE_COMMITMENT:
        return False
    if not sop_class_uid.startswith(_STANDARD_ROOT):
        return True
    entry = UID_dictionary.get(sop_class_uid)
    return entry is None or (entry[1] == "SOP Class" and "Storage" in entry[0])


def is_accepted(abstract_syntax: str) -> bool:
    """Whether we serve it at all."""
    return abstract_syntax == VERIFICATION or is_storage(abstract_syntax)


def choose_transfer_syntax(proposed: Sequence[str]) -> str:
    """The one of `proposed`, at least one, that we accept; see the module's head for the rule."""
    return min(proposed, key=_rank)


def _rank(transfer_syntax_uid: str) -> int:
    if transfer_syntax_uid in LOSSLESS:
        return 0
    return 1 if transfer_syntax_uid.startswith(_STANDARD_ROOT) else 2


def accept_contexts(proposed: Iterable[PresentationContext]) -> list[PresentationContext]:
    """What to support for this proposal, one context per abstract syntax.

    Each proposed context is narrowed, in place, to the transfer syntax chosen for it, so that the negotiation that
    follows can only confirm the choice.
    """
    chosen: dict[str, list[str]] = {}
    for context in proposed:
        if context.abstract_syntax and context.transfer_syntax and is_accepted(context.abstract_syntax):
            syntax = choose_transfer_syntax(context.transfer_syntax)
            context.transfer_syntax = [syntax]
            chosen.setdefault(context.abstract_syntax, []).append(syntax)
    return [build_context(abstract, list(dict.fromkeys(syntaxes))) for abstract, syntaxes in chosen.items()]
