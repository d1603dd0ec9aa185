"""What every part speaks."""
