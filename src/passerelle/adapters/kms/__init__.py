"""Who holds the keys that sign and encrypt?"""
