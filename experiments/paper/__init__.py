"""The paper's experiment, as one command: from captions and photos to the table beside published numbers.

    python -m experiments.paper --captions CAPTIONED --images PHOTOS --voc VOC2012 --out out/paper

Dense ICLIPs are trained on frozen towers, with three poolings; the best kind makes free masks; networks are trained on
them, with and without partial labels and partial pixels; and all are measured. Every stage leaves its outcome in
`--out` and is skipped when it is there, so the command can be stopped and goes on where it was.
"""
