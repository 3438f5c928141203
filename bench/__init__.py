"""Figures, each beside a peer doing the same work in the same run. See docs/measurements.md."""
