"""Which changes were made to the tables, one file each?"""
