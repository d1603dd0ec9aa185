"""Which model should answer?"""
