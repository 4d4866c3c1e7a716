"""What must hold when servers, networks and processes fail: each row of docs/reliability.md is a test here."""
