"""usage → cost → value → adoption → readiness → sign-off"""
