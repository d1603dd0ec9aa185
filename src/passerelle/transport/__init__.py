"""What adapters share: how others speak, and the only way out."""
