"""What looks at pixels and at words: PyTorch, or onnxruntime, behind one protocol (`engine.Engine`)."""
