"""What a model made of a photo: the result itself, pictures of it, and files."""
