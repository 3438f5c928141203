"""A made-up man's chest and upper abdomen, in HU."""
