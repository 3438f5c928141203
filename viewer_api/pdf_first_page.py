"""A program that draws the first page of a PDF, within limits: ``python -m viewer_api.pdf_first_page WIDTH``.

Documents come from everywhere, and a process that hangs or grows can be ended without harm to the service. The document
stays in memory: no page of a patient's report lies in a temporary folder. Nothing but the typesetter is imported, as
every small picture of a document starts this anew.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

import typst

SECONDS, _BYTES = 10, 2 << 30
_PAGE = """#set page(width: auto, height: auto, margin: 0pt, fill: white)
#image(read("{name}", encoding: none), format: "pdf", page: 1, width: {width}pt)
"""


def main() -> None:
    """Reads a PDF from standard input, writes its first page as PNG, so many pixels wide, to standard output."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    held = os.memfd_create("document")
    with os.fdopen(os.dup(held), "wb") as file:
        file.write(sys.stdin.buffer.read())
    page = _PAGE.format(name=held, width=int(sys.argv[1]))
    source, root = page.encode(), Path("/proc/self/fd")
    # Its types want the source and the root to be of one kind, which they need not be.
    made: bytes = typst.compile(source, root=root, format="png", ppi=72.0, ignore_system_fonts=True)  # type: ignore[call-overload]
    sys.stdout.buffer.write(made)


if __name__ == "__main__":
    main()
