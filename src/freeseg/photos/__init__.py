"""Photos: finding them, reading them safely, resizing them, and preparing the next ones in other threads."""

from freeseg.photos.finding import FoundPhoto, Skipped, find_photos, photos_in, suffixes
from freeseg.photos.frame import Frame, frame_reference
from freeseg.photos.frames import frames_of
from freeseg.photos.given import given_photos
from freeseg.photos.large_jpegs import reduced
from freeseg.photos.limits import is_large
from freeseg.photos.naming import UNNAMED, frame_number, photo_name, photo_source
from freeseg.photos.prefetching import prefetch_photos
from freeseg.photos.reading import Photo, is_photo, read_bytes, read_photo, read_resized
from freeseg.photos.resizing import fit_short_side, resize, to_array
from freeseg.photos.seen import SeenPhoto
from freeseg.photos.video import video_comment
from freeseg.photos.web import WebPhoto, web_photo

__all__ = [
    "UNNAMED",
    "FoundPhoto",
    "Frame",
    "Photo",
    "SeenPhoto",
    "Skipped",
    "WebPhoto",
    "find_photos",
    "fit_short_side",
    "frame_number",
    "frame_reference",
    "frames_of",
    "given_photos",
    "is_large",
    "is_photo",
    "photo_name",
    "photo_source",
    "photos_in",
    "prefetch_photos",
    "read_bytes",
    "read_photo",
    "read_resized",
    "reduced",
    "resize",
    "suffixes",
    "to_array",
    "video_comment",
    "web_photo",
]
