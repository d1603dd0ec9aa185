"""Which words does every part share?"""
