"""What is asked, of whom and about whom: indicators, student groups, targets."""
