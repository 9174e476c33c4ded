"""Results: what a model found in a photo, pictures of it, and the files it is written to."""
