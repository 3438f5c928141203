"""Volumes over HTTP: rendered MPR and rendered 3-D resources (PS3.18 10.4.1.1.7, 10.4.1.1.8)."""
