"""Towers in transformers' format: CLIP, SigLIP, SigLIP 2, DINOv2, DINO."""
