"""The program: command line, settings, one process per role."""
