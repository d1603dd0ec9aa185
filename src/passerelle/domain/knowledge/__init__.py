"""What do we know about it?"""
