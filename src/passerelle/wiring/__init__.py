"""Which concrete part plays which role?"""
