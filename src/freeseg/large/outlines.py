"""The parts of a large mask as polygons in longitude and latitude, as GeoJSON has them (RFC 7946)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from freeseg.files import atomic_path
from freeseg.mask_values import IGNORE, has_background
from freeseg.results.marks import FROM_HERE, SOFTWARE, SOFTWARE_KEY
from freeseg.results.parts import AREA_TOLERANCE, TOLERANCE
from freeseg.results.polygons import Points, signed_area, simplified

_WGS84 = "EPSG:4326"  # the one coordinate system that the format has
_DIGITS = 8  # after the point of a degree: about a millimetre
_PIXEL_DIGITS = 2


def write_polygons(path: Path, mask: Path, labels: Sequence[str], photo: str) -> None:
    """Write the outline of each connected part of each label, the background aside, with its holes.

    An outline is at most half a pixel from that of the pixels, and its area differs from theirs by at most 1 %. Each
    part has the properties `label`, `value` (of the mask), `pixels`, and, where the picture's coordinate system has
    lengths, `area_m2` in that system. Of a picture without a coordinate system the coordinates are pixels, from the
    top left.

    Args:
        path: Of the GeoJSON file.
        mask: The GeoTIFF of the mask.
        labels: What each value of the mask means.
        photo: Where the picture is as seen from the file's folder.

    Raises:
        OutputError: The file cannot be written.
    """
    head = json.dumps({"type": "FeatureCollection", SOFTWARE_KEY: SOFTWARE, FROM_HERE: photo, "features": []})
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(head.removesuffix("]}"))  # one line, which tells whose file it is
        separator = "\n"
        for feature in _features(mask, labels):
            file.write(separator + json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
            separator = ",\n"
        file.write("\n]}\n")


def _features(mask: Path, labels: Sequence[str]) -> Iterator[dict[str, Any]]:
    import rasterio
    from rasterio.features import shapes

    left_out = {IGNORE} | ({0} if has_background(labels) else set())
    with rasterio.open(os.fspath(mask), driver="GTiff") as dataset:
        transform = dataset.transform
        square_metres = _square_metres(dataset)
        for geometry, value in shapes(rasterio.band(dataset, 1), connectivity=4):  # in the dataset's own system
            if int(value) in left_out:
                continue
            exact = [np.rint(_moved(~transform, np.array(ring[:-1]))) for ring in geometry["coordinates"]]  # pixels
            pixels = round(_area(exact))
            rings = _near_enough(exact, pixels)
            properties = {"label": labels[int(value)], "value": int(value), "pixels": pixels}
            if square_metres:
                properties["area_m2"] = float(f"{pixels * square_metres:.6g}")
            coordinates = [_placed(ring, transform, dataset.crs, is_hole=place > 0) for place, ring in enumerate(rings)]
            yield {
                "type": "Feature",
                "properties": properties,
                "geometry": {"type": "Polygon", "coordinates": coordinates},
            }


def _near_enough(exact: Sequence[Points], pixels: int) -> list[Points]:
    """The rings with fewer points, as long as their area agrees with the pixels."""
    simple = [simplified(ring, TOLERANCE) for ring in exact]
    return simple if abs(_area(simple) - pixels) <= AREA_TOLERANCE * pixels else list(exact)


def _area(rings: Sequence[Points]) -> float:
    """The area of the first ring without that of its holes."""
    areas = [abs(signed_area(ring)) for ring in rings]
    return areas[0] - sum(areas[1:])


def _square_metres(dataset: Any) -> float:
    """Of a pixel; 0 where the coordinate system has no lengths."""
    if not dataset.crs or not dataset.crs.is_projected:
        return 0.0
    _, metres = dataset.crs.linear_units_factor
    return abs(float(dataset.transform.determinant)) * float(metres) ** 2


def _moved(transform: Any, points: Points) -> Points:
    """Points (P, 2) after an affine transform."""
    x, y = points.T
    (a, b, c), (d, e, f) = transform[:3], transform[3:6]
    return np.column_stack([a * x + b * y + c, d * x + e * y + f])


def _placed(ring: Points, transform: Any, crs: Any, *, is_hole: bool) -> list[list[float]]:
    """A closed ring in longitude and latitude: outlines go counterclockwise, holes clockwise."""
    from rasterio.warp import transform_geom

    points, digits = _moved(transform, ring), _PIXEL_DIGITS
    if crs:
        geometry = {"type": "LineString", "coordinates": points.tolist()}
        points, digits = np.asarray(transform_geom(crs, _WGS84, geometry)["coordinates"]), _DIGITS
    if (signed_area(points) > 0) == is_hole:  # positive is counterclockwise where y grows upwards
        points = points[::-1]
    closed = np.vstack([points, points[:1]])
    placed: list[list[float]] = closed.round(digits).tolist()
    return placed
