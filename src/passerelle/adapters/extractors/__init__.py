"""What text does a document hold?"""
