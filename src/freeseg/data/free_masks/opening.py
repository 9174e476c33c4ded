"""Opening free masks, whichever form they have."""

from __future__ import annotations

from pathlib import Path

from freeseg.data.free_masks.folder import FreeMasks, open_mask_files
from freeseg.data.free_masks.parquet import is_parquet, open_parquet


def open_free_masks(folder: str | Path) -> FreeMasks:
    """Open a folder that `freeseg label` wrote: of mask files, or of Parquet files.

    Raises:
        DataError: The folder is not one of free masks, a line of its manifest or a Parquet file is damaged, or a file
            is missing.
        FreeSegError: The masks are in Parquet files, and pyarrow is not installed.

    Example:
        >>> import tempfile
        >>> from freeseg.data.free_masks import MaskSettings, write_settings
        >>> from freeseg.words import Vocabulary
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_settings(folder, MaskSettings(Vocabulary.of("cat"), "model", "model", "", "1", {}))
        >>> (folder / "manifest.jsonl").touch()
        >>> open_free_masks(folder).labels
        ('background', 'cat')
    """
    folder = Path(folder)
    return open_parquet(folder) if is_parquet(folder) else open_mask_files(folder)
