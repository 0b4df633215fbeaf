"""What anybody may read: numbered releases of figures that give nobody away."""
