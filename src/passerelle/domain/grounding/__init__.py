"""Is the answer supported by what we know?"""
