"""How far along we are: coverage, gaps, completeness."""
