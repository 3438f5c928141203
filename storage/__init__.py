"""What Farlight holds: instances, their index, their bytes, and the record of who did what."""
