"""Segment a photo with a file that `freeseg export --labels ...` wrote: without PyTorch, without FreeSeg.

python examples/onnx_segment.py out/freeseg-lite.onnx photo.jpg mask.png
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

model, photo_path, mask_path = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
about = session.get_modelmeta().custom_metadata_map
labels, seen = json.loads(about["labels"]), json.loads(about["preprocessing"])
if len(labels) > 256:
    sys.exit("a PNG with colours holds 256 labels; export fewer")

photo = ImageOps.exif_transpose(Image.open(photo_path)).convert("RGB")
scale = min(seen["short_side"] / min(photo.size), seen["long_cap"] * seen["short_side"] / max(photo.size))
width, height = (max(1, round(scale * side / seen["multiple"])) * seen["multiple"] for side in photo.size)
small = photo.resize((width, height), Image.Resampling[seen["resample"].upper()])
pixels = np.asarray(small, np.float32).transpose(2, 0, 1)[None]

logits = session.run(["logits"], {"pixels": pixels})[0][0]  # (labels, rows, columns), on the patch grid
scores = np.exp(logits - logits.max(axis=0))
scores /= scores.sum(axis=0)
large = [np.asarray(Image.fromarray(each).resize(photo.size, Image.Resampling.BILINEAR)) for each in scores]
mask = np.argmax(large, axis=0).astype(np.uint8)

for index, share in enumerate(np.bincount(mask.ravel(), minlength=len(labels)) / mask.size):
    if share:
        print(f"{labels[index]}: {share:.1%}")
picture = Image.fromarray(mask)  # value i means labels[i]
picture.putpalette(np.random.default_rng(0).integers(0, 256, 768, np.uint8).tobytes())
picture.save(mask_path)
