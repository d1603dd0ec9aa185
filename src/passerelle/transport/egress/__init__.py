"""How does anything get out?"""
