"""What was the process told at its start?"""
