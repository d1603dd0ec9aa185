"""documents → text → passages → index"""
