"""What runs when, and how far is it?"""
