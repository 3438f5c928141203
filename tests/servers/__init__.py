"""Real servers for the tests, on loopback, one of each per pytest process."""
