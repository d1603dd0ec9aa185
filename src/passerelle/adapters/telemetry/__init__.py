"""What can operators see from outside?"""
