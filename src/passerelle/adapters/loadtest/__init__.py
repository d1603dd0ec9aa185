"""How much load does it bear, seen from outside?"""
