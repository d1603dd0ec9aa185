"""From what was measured of a claim to one number."""

THRESHOLD = 0.5
"""Score from which on a claim is supported."""
