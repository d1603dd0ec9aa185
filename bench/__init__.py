"""How fast is it, beside what it is built on?"""
