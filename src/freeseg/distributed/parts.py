"""The output of a run: a folder of Parquet files, each whole, and a plan.json that says what they were made with."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freeseg.distributed.plan import Plan
from freeseg.errors import DataError, FreeSegError, OutputError, reason
from freeseg.extras import require
from freeseg.files import check_folder, file_lock, json_text, parse_json, path_for_message, remove_half_written
from freeseg.files import write_bytes as write_local
from freeseg.photos.references import KEY_BYTES, key_of
from freeseg.places import inside, is_remote, local_path, opened_place, store_of

if TYPE_CHECKING:
    import pyarrow

PLAN = "plan.json"
ENDING = ".parquet"


class Parts:
    """The parts in a folder, on this machine or in a store.

    Args:
        folder: Its path or its URL; it need not be there yet.

    Raises:
        FreeSegError: pyarrow is not installed.

    Example:
        >>> import tempfile
        >>> Parts(tempfile.mkdtemp()).names()
        set()
    """

    def __init__(self, folder: str):
        require("pyarrow", what="the output of many photos")
        self.folder = folder if is_remote(folder) else local_path(folder)

    @contextmanager
    def begun(self, plan: Plan) -> Iterator[None]:
        """Say what the parts are made with; while the block runs, no other run on this machine adds to them.

        Raises:
            OutputError: The folder holds parts of another plan, or another run is writing to it, or it cannot be
                written to.
        """
        if not is_remote(self.folder):
            check_folder(Path(self.folder))
            remove_half_written(Path(self.folder), recursive=False)
        there = self.plan()
        if there is None:
            self._write(PLAN, json_text(plan.to_dict()).encode())
        elif changed := plan.differs_from(there):
            raise OutputError(
                f"{path_for_message(self.folder)} holds what was made otherwise (other: {', '.join(changed)}); "
                "choose another folder"
            )
        if is_remote(self.folder):
            yield
            return
        try:
            with file_lock(Path(self.folder) / PLAN, wait=False):
                yield
        except BlockingIOError as error:
            raise OutputError(
                f"another run is writing to {path_for_message(self.folder)}; wait for it, or choose another folder"
            ) from error

    def plan(self) -> dict[str, Any] | None:
        """What the parts were made with, as `Plan.to_dict` has it; None where there is no plan.json.

        Raises:
            DataError: It is damaged.
        """
        try:
            with opened_place(self._place(PLAN)) as file:
                plan = parse_json(bytes(file.read()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            shown = path_for_message(self._place(PLAN))
            raise DataError(f"cannot read {shown}: {reason(error)}; put it back, or choose another folder") from error
        return plan if isinstance(plan, dict) else {}

    def names(self) -> set[str]:
        """The names of all parts that are there, without ending.

        Raises:
            OutputError: The folder is in a store, which does not list it.
        """
        return {name.removesuffix(ENDING) for name in self._listed() if name.endswith(ENDING) and name[0] != "."}

    def write(self, name: str, table: pyarrow.Table, *, rows_per_group: int | None = None) -> None:
        """Write a part, whole or not at all.

        Args:
            name: Of the part.
            table: Its rows.
            rows_per_group: How many rows a reader takes at once at least; None for all of them.

        Raises:
            OutputError: It cannot be written.
        """
        from pyarrow import parquet

        content = io.BytesIO()
        parquet.write_table(table, content, compression="zstd", row_group_size=rows_per_group)
        self._write(name + ENDING, content.getbuffer())

    def read(self, name: str, columns: list[str] | None = None) -> pyarrow.Table:
        """A part, or some of its columns.

        Raises:
            DataError: It is damaged.
        """
        from pyarrow import ArrowException, parquet

        place = self._place(name + ENDING)
        try:
            with opened_place(place) as file:
                return parquet.read_table(file, columns=columns)
        except (OSError, ArrowException) as error:
            raise DataError(
                f"cannot read {path_for_message(place)}: {reason(error)}; remove it, and run again what wrote it"
            ) from error

    def remove(self, name: str) -> None:
        """Remove a part, if it is there.

        Raises:
            OutputError: It cannot be removed.
        """
        place = self._place(name + ENDING)
        from pyarrow import ArrowException

        try:
            if is_remote(place):
                store = store_of(place)
                store.system.delete_file(store.path)
            else:
                Path(place).unlink(missing_ok=True)
        except (OSError, ArrowException) as error:
            raise OutputError(f"cannot remove {path_for_message(place)}: {reason(error)}; check your rights") from error

    def keys(self) -> bytes:
        """The keys of all photos in all parts, sorted, one after the other."""
        import numpy as np

        found = bytearray()
        for name in self.names():
            for photo in self.read(name, ["photo"])["photo"].to_pylist():
                found += key_of(photo)
        return np.sort(np.frombuffer(bytes(found), f"S{KEY_BYTES}")).tobytes()

    def _place(self, name: str) -> str:
        return inside(self.folder, name)

    def _listed(self) -> list[str]:
        if not is_remote(self.folder):
            try:
                return [path.name for path in Path(self.folder).iterdir()]
            except FileNotFoundError:
                return []
        from pyarrow import ArrowException, fs

        store = store_of(self.folder)
        chosen = fs.FileSelector(store.path, allow_not_found=True)
        try:
            return [info.base_name for info in store.system.get_file_info(chosen)]
        except (OSError, ArrowException) as error:
            raise OutputError(
                f"cannot list {path_for_message(self.folder)}: {reason(error)}; check its name, the network and your "
                "rights"
            ) from error

    def _write(self, name: str, content: bytes | memoryview) -> None:
        place = self._place(name)
        if not is_remote(place):
            write_local(Path(place), content)
            return
        from pyarrow import ArrowException

        store = store_of(place)
        try:
            with store.system.open_output_stream(store.path) as file:  # a store shows a file when it is whole
                file.write(content)
        except (OSError, ArrowException, FreeSegError) as error:
            raise OutputError(
                f"cannot write {path_for_message(place)}: {reason(error)}; check the network and your rights"
            ) from error
