"""Segment a photo with a file that `freeseg export --labels ...` wrote: without PyTorch and without FreeSeg.

    python examples/onnx_segment.py out/freeseg-lite.onnx photo.jpg mask.png

It needs onnxruntime, numpy and pillow. Everything else that it must know is in the file itself.
"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

model_path, photo_path, mask_path = sys.argv[1:]

# 1. Open the model. Its metadata holds the labels, and how photos must be resized for it.
options = onnxruntime.SessionOptions()
options.add_session_config_entry("session.x64quantprecision", "1")  # of 8-bit files: without VNNI, sums would overflow
session = onnxruntime.InferenceSession(model_path, options, providers=["CPUExecutionProvider"])
metadata = session.get_modelmeta().custom_metadata_map
labels, preprocessing = json.loads(metadata["labels"]), json.loads(metadata["preprocessing"])
if len(labels) > 256:
    sys.exit("a PNG with colours holds at most 256 labels; export fewer")

# 2. Resize the photo: its shorter side becomes `short_side`, unless its longer side would then be too long. Both sides
#    are multiples of `multiple`. Pixels stay between 0 and 255: the model normalises them itself.
photo = ImageOps.exif_transpose(Image.open(photo_path)).convert("RGB")
short_side, multiple = preprocessing["short_side"], preprocessing["multiple"]
scale = min(short_side / min(photo.size), preprocessing["long_cap"] * short_side / max(photo.size))
width, height = (max(1, round(scale * side / multiple)) * multiple for side in photo.size)
small = photo.resize((width, height), Image.Resampling[preprocessing["resample"].upper()])
pixels = np.asarray(small, np.float32).transpose(2, 0, 1)[None]  # (1, 3, height, width)

# 3. Ask the model: one logit per label and patch, (labels, rows, columns). A softmax makes them probabilities.
logits = session.run(["logits"], {"pixels": pixels})[0][0]
probabilities = np.exp(logits - logits.max(axis=0))
probabilities /= probabilities.sum(axis=0)

# 4. Enlarge the probabilities to the size of the photo; each pixel gets the most probable label.
enlarged = [np.asarray(Image.fromarray(each).resize(photo.size, Image.Resampling.BILINEAR)) for each in probabilities]
mask = np.argmax(enlarged, axis=0).astype(np.uint8)  # value i means labels[i]

# 5. Print the share of each label, and write the mask as a PNG in random colours.
for index, share in enumerate(np.bincount(mask.ravel(), minlength=len(labels)) / mask.size):
    if share:
        print(f"{labels[index]}: {share:.1%}")
picture = Image.fromarray(mask)
picture.putpalette(np.random.default_rng(0).integers(0, 256, 768, np.uint8).tobytes())
picture.save(mask_path)
