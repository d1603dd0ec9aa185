"""May it go live?"""
