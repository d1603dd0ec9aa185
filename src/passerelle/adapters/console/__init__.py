"""How does the built web interface reach a browser?"""
