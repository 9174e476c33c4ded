"""Tiny random-weight CLIPs, SigLIPs and DINOs, saved to a folder in the format that the hub has them in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.pre_tokenizers import ByteLevel

WIDTH, JOINT, PATCH, LAYERS, CONTEXT = 32, 24, 8, 8, 64
SIDE = 4 * PATCH
CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


def save_clip(folder: Path, activation: str = "quick_gelu", legacy_end: bool = False, **vision: Any) -> Path:
    """A CLIP as OpenAI's (QuickGELU) and LAION's (GELU) are on the hub."""
    tokenizer = clip_tokenizer()
    size = tokenizer.get_vocab_size()
    shape = {"num_hidden_layers": LAYERS, "num_attention_heads": 4, "hidden_act": activation}
    config = transformers.CLIPConfig(
        text_config={
            **shape,
            "hidden_size": 20,
            "intermediate_size": 40,
            "projection_dim": JOINT,
            "vocab_size": size,
            "max_position_embeddings": CONTEXT,
            "eos_token_id": 2 if legacy_end else size - 1,
            "bos_token_id": size - 2,
        },
        vision_config={
            **shape,
            "hidden_size": WIDTH,
            "intermediate_size": 48,
            "projection_dim": JOINT,
            "image_size": SIDE,
            "patch_size": PATCH,
            **vision,
        },
        projection_dim=JOINT,
    )
    torch.manual_seed(0)
    network = _stirred(transformers.CLIPModel(config))
    network.logit_scale.data.fill_(4.6052)
    network.save_pretrained(folder)
    old_style = {"crop_size": SIDE, "do_center_crop": True, "do_normalize": True, "do_resize": True}
    old_style |= {"feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, "size": SIDE}
    _write(folder / "preprocessor_config.json", old_style | {"image_mean": CLIP_MEAN, "image_std": CLIP_STD})
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": CONTEXT, "do_lower_case": True}
    entry = {"content": "<|endoftext|>", "lstrip": False, "normalized": True, "__type": "AddedToken"}
    _write(folder / "tokenizer_config.json", settings | {"pad_token": "<|endoftext|>", "eos_token": entry})
    return folder


def save_siglip(folder: Path) -> Path:
    """A SigLIP: Unigram tokenizer, texts filled up to the context, no class token."""
    return _save_siglip(folder, unigram_tokenizer(), {"tokenizer_class": "SiglipTokenizer", **_ends("</s>", "</s>")})


def save_siglip2(folder: Path) -> Path:
    """A SigLIP 2 of fixed size: SigLIP's architecture, Gemma's tokenizer, bilinear pixels."""
    settings = {"tokenizer_class": "GemmaTokenizer", "do_lower_case": True, **_ends("<eos>", "<pad>")}
    return _save_siglip(folder, gemma_tokenizer(), settings, resample=2)


def save_naflex(folder: Path) -> Path:
    """A SigLIP 2 of native shape: linear patches, a number of patches instead of a size."""
    tokenizer = gemma_tokenizer()
    vision = _siglip_shape() | {"hidden_size": WIDTH, "patch_size": PATCH, "num_patches": 16}
    text = _siglip_shape() | {"hidden_size": WIDTH, "projection_size": WIDTH, "vocab_size": tokenizer.get_vocab_size()}
    config = transformers.Siglip2Config(
        vision_config=vision, text_config=text | {"max_position_embeddings": CONTEXT, "pad_token_id": 0}
    )
    naflex = {"image_processor_type": "Siglip2ImageProcessor", "patch_size": PATCH, "max_num_patches": 16}
    settings = {"tokenizer_class": "GemmaTokenizer", "do_lower_case": True, **_ends("<eos>", "<pad>")}
    return _write_siglip(folder, transformers.Siglip2Model, config, tokenizer, settings, naflex | {"resample": 2})


def save_dinov2(folder: Path) -> Path:
    """A DINOv2: images only; trained at another size than its preprocessing gives."""
    shape = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 4, "mlp_ratio": 2}
    config = transformers.Dinov2Config(**shape, image_size=6 * PATCH, patch_size=PATCH, layerscale_value=0.5)
    torch.manual_seed(0)
    _stirred(transformers.Dinov2Model(config)).save_pretrained(folder)
    return _dino_pixels(folder)


def save_dino(folder: Path) -> Path:
    """A DINO ViT: images only."""
    shape = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 4, "intermediate_size": 48}
    torch.manual_seed(0)
    config = transformers.ViTConfig(**shape, image_size=SIDE, patch_size=PATCH)
    _stirred(transformers.ViTModel(config, add_pooling_layer=False)).save_pretrained(folder)
    return _dino_pixels(folder)


SAVERS: dict[str, Callable[[Path], Path]] = {
    "clip": save_clip,
    "clip-gelu": lambda folder: save_clip(folder, "gelu", legacy_end=True),
    "siglip": save_siglip,
    "siglip2": save_siglip2,
    "siglip2-naflex": save_naflex,
    "dinov2": save_dinov2,
    "dino": save_dino,
}
ZERO_SHOT = ("clip", "clip-gelu", "siglip", "siglip2", "siglip2-naflex")


def clip_tokenizer() -> Tokenizer:
    """CLIP's byte-level BPE, with a handful of merges."""
    letters = sorted(ByteLevel.alphabet())
    merges = [("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>"), ("p", "h")]
    pieces = [*letters, *(letter + "</w>" for letter in letters), *("".join(pair) for pair in merges)]
    vocabulary = {piece: i for i, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=merges).backend_tokenizer


def unigram_tokenizer() -> Tokenizer:
    """A sentencepiece-like tokenizer that writes its own end, as SigLIP's tokenizer.json has it."""
    letters = "▁abcdefghijklmnopqrstuvwxyz"
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((letter, -5.0) for letter in letters)]
    tokenizer = Tokenizer(models.Unigram([*pieces, ("▁cat", -2.0), ("▁dog", -2.0)], unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return tokenizer


def gemma_tokenizer() -> Tokenizer:
    """A BPE as Gemma's, whose tokenizer.json neither lowers case nor writes the end."""
    letters = "▁abcdefghijklmnopqrstuvwxyz"
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<eos>", "<bos>", "<unk>", *letters, "ca", "cat"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("c", "a"), ("ca", "t")], unk_token="<unk>", fuse_unk=True))  # noqa: S106
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    return tokenizer


def _save_siglip(folder: Path, tokenizer: Tokenizer, settings: dict[str, Any], resample: int = 3) -> Path:
    vision = _siglip_shape() | {"hidden_size": WIDTH, "image_size": SIDE, "patch_size": PATCH}
    text = _siglip_shape() | {"hidden_size": WIDTH, "projection_size": WIDTH, "vocab_size": tokenizer.get_vocab_size()}
    config = transformers.SiglipConfig(
        vision_config=vision, text_config=text | {"max_position_embeddings": CONTEXT, "pad_token_id": 1}
    )
    size = {"size": {"height": SIDE, "width": SIDE}, "image_processor_type": "SiglipImageProcessor"}
    return _write_siglip(folder, transformers.SiglipModel, config, tokenizer, settings, size | {"resample": resample})


def _write_siglip(
    folder: Path, kind: Any, config: Any, tokenizer: Tokenizer, settings: dict[str, Any], pixels: dict[str, Any]
) -> Path:
    """Draw the weights of a SigLIP and write all its files."""
    torch.manual_seed(0)
    network = _stirred(kind(config))
    network.logit_scale.data.fill_(4.7)
    network.save_pretrained(folder)
    half = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "rescale_factor": 1 / 255}
    _write(folder / "preprocessor_config.json", half | pixels | {"do_rescale": True, "do_resize": True})
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(folder / "tokenizer_config.json", settings)
    return folder


def _siglip_shape() -> dict[str, Any]:
    return {"intermediate_size": 48, "num_hidden_layers": LAYERS, "num_attention_heads": 4}


def _ends(end: str, padding: str) -> dict[str, Any]:
    return {"eos_token": end, "pad_token": padding, "model_input_names": ["input_ids"]}


def _dino_pixels(folder: Path) -> Path:
    size = {"crop_size": {"height": SIDE, "width": SIDE}, "size": {"shortest_edge": 36}, "resample": 3}
    imagenet = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "rescale_factor": 1 / 255}
    _write(folder / "preprocessor_config.json", size | imagenet | {"do_center_crop": True, "do_rescale": True})
    return folder


@torch.no_grad()
def _stirred(network: Any) -> Any:
    """No bias zero and no norm one: else a test could not tell whether they are used."""
    for parameter in network.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))
    return network.eval()


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2))
