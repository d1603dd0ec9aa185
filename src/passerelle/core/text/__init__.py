"""What does a text hold, whatever its form?"""
