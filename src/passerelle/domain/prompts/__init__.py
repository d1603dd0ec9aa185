"""What do we say to the model?"""
