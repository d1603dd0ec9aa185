"""May they spend it?"""
