"""A made-up head, in HU and in the contrasts of MR."""
