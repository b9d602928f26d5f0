"""What scenarios use: real clients, a hostile client, a CA with a bad day."""
