"""People, keys and policies in force; evidence collected; retention and erasure recorded"""
