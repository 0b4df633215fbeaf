"""The directory: which LEAs there are, under which codes, with how many students, and when."""
