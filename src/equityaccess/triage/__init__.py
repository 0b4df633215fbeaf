"""Triage: which LEA needs a person next, for which reasons, and what was done about it."""
