"""Onboarding to BEST: who takes part, which milestones they have passed, and when they will go live."""
