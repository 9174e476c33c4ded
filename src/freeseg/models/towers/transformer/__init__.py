"""The CLIP family: image and text towers in transformers' format."""
