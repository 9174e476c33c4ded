"""What only some tasks need: which extra installs it, and one message for whoever lacks it."""

from __future__ import annotations

from importlib.util import find_spec

from freeseg.errors import FreeSegError

# Package, as Python imports it -> the extra of FreeSeg that installs it.
EXTRAS = {
    "torch": "torch",
    "transformers": "torch",
    "tokenizers": "torch",
    "huggingface_hub": "torch",
    "scipy": "eval",
    "jinja2": "eval",
    "pycocotools": "eval",
    "pillow_heif": "heif",
    "rasterio": "geo",
    "tifffile": "tiff",
    "av": "video",
    "yaml": "yaml",
    "pandas": "pandas",
    "pyarrow": "parquet",
    "ray": "ray",
    "grpc": "ray-serve",
    "supervision": "supervision",
    "accelerate": "train",
    "matplotlib": "train",
    "webdataset": "train",
    "onnx": "export",
    "onnx_ir": "export",
    "onnxscript": "export",
    "fastapi": "serve",
    "fastapi_offline": "serve",
    "prometheus_client": "serve",
    "python_multipart": "serve",
    "uvicorn": "serve",
}
TITLES = {
    "torch": "PyTorch",
    "pillow_heif": "pillow-heif",
    "av": "PyAV",
    "yaml": "PyYAML",
    "ray": "Ray",
    "grpc": "Ray Serve",
}
TORCH = ("torch", "transformers", "huggingface_hub")  # what the engine of PyTorch needs
SERVE = ("fastapi", "fastapi_offline", "prometheus_client", "python_multipart", "uvicorn")


def is_installed(package: str) -> bool:
    """Whether a package can be imported; it is not imported.

    Example:
        >>> is_installed("numpy"), is_installed("no_such_package")
        (True, False)
    """
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # it is being hidden, or half imported
        return False


def require(*packages: str, what: str = "this") -> None:
    """Check that packages are installed, before the work begins.

    Args:
        packages: The packages, of `EXTRAS`.
        what: What needs them, for the message.

    Raises:
        FreeSegError: One of them is missing; the message says how to install it.

    Example:
        >>> require("numpy", what="arithmetic")
    """
    for package in packages:
        if not is_installed(package):
            raise FreeSegError(missing_message(package, what=what))


def missing_message(package: str, *, what: str = "this") -> str:
    """What to tell somebody who lacks a package of `EXTRAS`.

    Example:
        >>> missing_message("torch")
        'this needs PyTorch; run: pip install "freeseg[torch]"'
    """
    return f'{what} needs {TITLES.get(package, package)}; run: pip install "freeseg[{EXTRAS[package]}]"'
