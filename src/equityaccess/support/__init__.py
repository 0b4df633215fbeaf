"""The support that LEAs on their way to BEST are given, and how often they sign in."""
