"""`freeseg models`: what there is to segment with."""

from __future__ import annotations


def models() -> None:
    """List the models that ship with FreeSeg: size, licence, training data, measured numbers."""
    from rich.console import Console
    from rich.table import Column, Table

    from freeseg.models import EMBEDDED, embedded_folder
    from freeseg.models.checkpoint import WEIGHTS, read_config

    name_column = Column("name", no_wrap=True)  # a name that is cut cannot be used
    table = Table(name_column, "weights", "towers", "licence", "trained on", "measured", show_lines=True)
    for name in EMBEDDED:
        folder = embedded_folder(name)
        config = read_config(folder)
        weights = folder / WEIGHTS
        size = f"{weights.stat().st_size / 1e6:.1f} MB" if weights.is_file() else "missing"
        table.add_row(
            name,
            size,
            f"{config.image_tower}, {config.text_tower}",
            config.licence,
            "\n".join(f"{source}: {count:,} photos" for source, count in config.training.get("sources", {}).items()),
            "\n".join(f"{metric}: {value}" for metric, value in config.metrics.items()),
        )
    Console().print(table)
