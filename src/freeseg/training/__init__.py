"""Training of teachers and networks: one loop, and for each a recipe, losses, batches, and `run`, which does it all."""

from pathlib import Path

CACHE = Path(".cache/freeseg")  # where the features of photos are kept, unless another folder is named
