"""Speed and memory of FreeSeg, side by side with CLIP, with its teacher and with onnxruntime; no test times anything.

`make bench` runs what needs no data; `benchmarks.network` and `benchmarks.onnx` say how they are run.
"""
