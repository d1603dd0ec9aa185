"""How do others speak?"""
