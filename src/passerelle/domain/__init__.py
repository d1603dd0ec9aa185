"""What we know, pure: no socket, no database, no clock of its own."""
