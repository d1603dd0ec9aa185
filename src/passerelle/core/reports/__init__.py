"""How is a result handed over?"""
