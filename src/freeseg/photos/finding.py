"""Finding photos: the files that a user names, and those in folders."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from PIL import Image

from freeseg.errors import OutputError, PhotoError
from freeseg.extras import is_installed, missing_message
from freeseg.files import path_for_message
from freeseg.photos import heic
from freeseg.photos.decoding import photo_errors
from freeseg.photos.frame import Frame
from freeseg.photos.own_results import is_own_folder, own_results
from freeseg.photos.video import is_video
from freeseg.photos.web import WebPhoto
from freeseg.urls import url_name

_READ = ".jpg .jpeg .jpe .jfif .mpo .png .apng .webp .avif .bmp .gif .tif .tiff .ppm .pgm .pbm .pnm .jp2 .j2k .jpx"
# Series of HEIC, cameras' raw files, and files of programs and instruments
_NOT_READ = (
    ".heics .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .dng .orf .rw2 .raf .pef .srw .x3f .3fr .erf "
    ".psd .psb .xcf .kra .ai .eps .svg .svgz .jxl .jxr .wdp .exr .hdr .tga .pcx .dds .sgi .ico .icns .dcm .dicom "
    ".czi .nd2 .lif .svs .ndpi .mrxs .fits"
)
_ALWAYS_READ, _NEVER_READ = frozenset(_READ.split()), frozenset(_NOT_READ.split())


def suffixes() -> frozenset[str]:
    """The suffixes, in lower case, of the files in a folder that are photos; with pillow-heif, also those of HEIC.

    Example:
        >>> ".jpg" in suffixes(), ".psd" in suffixes()
        (True, False)
    """
    return _ALWAYS_READ | heic.SUFFIXES if is_installed(heic.PACKAGE) else _ALWAYS_READ


@dataclass
class Skipped:
    """What was left out of folders that were searched for photos, and of files of several pictures, and why.

    Attributes:
        unsupported: How many pictures of kinds that are not read, by suffix.
        results: How many pictures that FreeSeg itself wrote.
        frames: How many frames and pages after the first one of their file.
        videos: How many videos.
    """

    unsupported: Counter[str] = field(default_factory=Counter)
    results: int = 0
    frames: int = 0
    videos: int = 0

    def lines(self) -> list[str]:
        """One sentence for each reason.

        Example:
            >>> Skipped(Counter({".psd": 2})).lines()
            ['2 .psd files were skipped: this kind is not supported; save them as JPEG or PNG']
        """
        lines = []
        for suffix, count in sorted(self.unsupported.items()):
            files, them = (f"{suffix} file was", "it") if count == 1 else (f"{suffix} files were", "them")
            why = "this kind is not supported; "
            if suffix in heic.SUFFIXES:
                why = f"{missing_message(heic.PACKAGE, what='this kind')}; or "
            lines.append(f"{count} {files} skipped: {why}save {them} as JPEG or PNG")
        if self.results:
            files = "picture was" if self.results == 1 else "pictures were"
            lines.append(f"{self.results} {files} skipped: FreeSeg's own results; a file that you name itself is taken")
        if self.videos:
            videos = "video was" if self.videos == 1 else "videos were"
            lines.append(f"{self.videos} {videos} skipped: freeseg segment takes the frames of a video that you name")
        if self.frames:
            frames, each = ("frame or page was", "it") if self.frames == 1 else ("frames or pages were", "each")
            lines.append(f"{self.frames} more {frames} skipped: add --frames to take {each} as a photo of its own")
        return lines


class FoundPhoto(NamedTuple):
    """A photo on disk, a frame of a file on disk, a photo on the web, or one that came through a pipe.

    Attributes:
        path: Where it is.
        name: Its path below the folder that the user named; of a file that was named itself, the file's name.
        picture: A frame of the file; or the photo on the web, or the one that came through a pipe, which are nowhere
            on disk: `path` is then only a name.
    """

    path: Path
    name: PurePosixPath
    picture: Image.Image | Frame | WebPhoto | None = None

    @property
    def content(self) -> Path | Image.Image | Frame | WebPhoto:
        """What is read: the file, its frame, the photo on the web, or the picture."""
        return self.path if self.picture is None else self.picture

    @property
    def is_on_disk(self) -> bool:
        """Whether `path` is a file."""
        of_url = isinstance(self.picture, Frame) and isinstance(self.picture.source, str)
        return not (of_url or isinstance(self.picture, Image.Image | WebPhoto))

    @property
    def source(self) -> str:
        """The path as it was given, or the URL."""
        if isinstance(self.picture, WebPhoto):
            return self.picture.url
        return str(self.picture.source if isinstance(self.picture, Frame) else self.path)

    @property
    def frame(self) -> int:
        """Which of the file's frames or pages it is, from 1; 0 where it is the file's only picture, or the first."""
        return self.picture.number if isinstance(self.picture, Frame) else 0


def find_photos(
    paths: Iterable[str | os.PathLike[str] | WebPhoto], *, without: Path | None = None, skipped: Skipped | None = None
) -> list[FoundPhoto]:
    """List photos and the photos in folders, each path once.

    A folder gives the files in it and below it, sorted, whose suffix is in `suffixes()`, in upper or lower case. Hidden
    files and folders are left out, and so is what FreeSeg wrote itself (`photos.own_results`). Links to files and
    folders are followed; two links to one file are two photos. A file that is named itself is taken, whatever it is.
    Two photos from different paths can have the same name.

    Args:
        paths: Files and folders, and photos on the web, which are not fetched; a lone path is one of them.
        without: A folder that is left out where it lies inside the others: the one that results are written to.
        skipped: Gets the counts of what is left out.

    Raises:
        PhotoError: A path does not exist, a folder cannot be listed, or a folder holds no photos.
        OutputError: `without` is one of the folders.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "cat.JPG").touch()
        >>> [str(found.name) for found in find_photos([folder])]
        ['cat.JPG']
    """
    unique: dict[str, FoundPhoto] = {}
    listed = [paths] if isinstance(paths, str | os.PathLike) else paths  # a text is one path, not a list of letters
    for given in listed:
        if isinstance(given, WebPhoto):
            name = url_name(given.url)
            unique.setdefault(given.url, FoundPhoto(Path(name), PurePosixPath(name), given))
            continue
        path = Path(given)
        with photo_errors(path_for_message(path)):
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        left_out = Skipped()
        photos = [FoundPhoto(path, PurePosixPath(path.name))]
        if is_folder:
            photos = photos_in(path, without=without, skipped=left_out)
        if not photos:
            reasons = "".join(f"; {line}" for line in left_out.lines())
            raise PhotoError(
                f"no photos in {path_for_message(path)}; give some in {' '.join(sorted(suffixes()))}{reasons}"
            )
        if skipped is not None:
            skipped.unsupported += left_out.unsupported
            skipped.results += left_out.results
            skipped.videos += left_out.videos
        for photo in photos:
            unique.setdefault(os.path.abspath(photo.path), photo)  # noqa: PTH100 - links stay apart
    return list(unique.values())


def photos_in(folder: Path, *, without: Path | None = None, skipped: Skipped | None = None) -> list[FoundPhoto]:
    """List the photos in a folder and below it as `find_photos` does; there may be none.

    Args:
        folder: The folder.
        without: A folder inside it that is left out.
        skipped: Gets the counts of what is left out.

    Raises:
        PhotoError: The folder or one below it cannot be listed.
        OutputError: `without` is the folder itself: what is written there would be taken for photos the next time.
    """
    left_out = os.path.realpath(without) if without else ""
    if os.path.realpath(folder) == left_out:
        raise OutputError(
            f"{path_for_message(folder)} holds the photos; results go to another folder, or one inside it"
        )
    walk = _Walk(left_out, Skipped() if skipped is None else skipped)
    return [FoundPhoto(file, PurePosixPath(file.relative_to(folder))) for file in walk.photos(folder, ())]


@dataclass(frozen=True)
class _Walk:
    """A search for photos.

    Attributes:
        left_out: The real path of a folder that is left out.
        skipped: What was left out so far.
        read: The suffixes of photos.
    """

    left_out: str
    skipped: Skipped
    read: frozenset[str] = field(default_factory=suffixes)

    def photos(self, folder: Path, above: tuple[str, ...]) -> list[Path]:
        """The photos in a folder and below it. Links may loop: `above` holds the real paths of the folders it is in."""
        with photo_errors(path_for_message(folder)):  # unlike here, `os.walk` skips a folder that it cannot list
            real = os.path.realpath(folder)
            if real == self.left_out or real in above:
                return []
            entries = sorted(entry for entry in folder.iterdir() if entry.name[0] != ".")
            names = {entry.name for entry in entries}
            if is_own_folder(folder, names):
                self.skipped.results += sum(
                    self._is_photo(Path(file)) for _, _, files in os.walk(folder) for file in files
                )
                return []
            results = own_results(folder, names)
            found: list[Path] = []
            for entry in entries:
                if entry.is_dir():
                    found += self.photos(entry, (*above, real))
                elif entry.name in results:
                    self.skipped.results += 1
                elif self._is_photo(entry):
                    found.append(entry)
                elif entry.suffix.lower() in _NEVER_READ | heic.SUFFIXES:
                    self.skipped.unsupported[entry.suffix.lower()] += 1
                elif is_video(entry):
                    self.skipped.videos += 1
        return found

    def _is_photo(self, path: Path) -> bool:
        return path.suffix.lower() in self.read
