"""What Farlight owes: read requests, reports, and their delivery."""
