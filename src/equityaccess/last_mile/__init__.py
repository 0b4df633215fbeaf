"""The last mile: who is left to reach, behind what, what reaching them would cost, and where it counts most."""
