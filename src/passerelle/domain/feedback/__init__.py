"""What did people make of it?"""
