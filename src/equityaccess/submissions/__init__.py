"""What a district tells us: the push, its journal and its receipt, the observations."""
