"""May this text pass?"""
