"""Image and text towers, a file for each family."""
