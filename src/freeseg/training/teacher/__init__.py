"""Training of the teacher, a dense ICLIP, on photos with captions."""
