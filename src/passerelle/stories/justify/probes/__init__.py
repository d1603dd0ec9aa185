"""What is there to see?"""
