"""What happened, and can we prove it?"""
