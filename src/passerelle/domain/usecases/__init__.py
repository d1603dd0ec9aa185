"""What are we building, for whom, and how far is it?"""
