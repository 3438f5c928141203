"""``python -m farlight``."""

from farlight.cli import main

main()
