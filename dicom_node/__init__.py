"""The DIMSE wire (PS3.7, PS3.8): receiving studies and sending reports."""
