"""What looks at pixels and at words: PyTorch, or onnxruntime."""
