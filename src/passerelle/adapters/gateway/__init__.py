"""How do clients reach the use cases?"""
