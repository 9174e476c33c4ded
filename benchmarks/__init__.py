"""Speed and memory of FreeSeg, beside CLIP, beside its teacher and beside onnxruntime. The tests time nothing.

`make bench` runs everything that needs no data; the docstrings of `benchmarks.network` and `benchmarks.onnx` say how to
run those two.
"""
