"""EfficientNet-Lite against a literal network with batch norms and TensorFlow's padding formula."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from freeseg.decision.attention import energy
from freeseg.models.iclip import ICLIP
from freeseg.models.towers.efficientnet import (
    EfficientNetLite,
    SameConv,
    Stage,
    fold_batch_norms,
    scaled_stages,
)
from freeseg.models.towers.efficientnet_lite import WEIGHTS, load_efficientnet_lite
from tiny import HashedText

ROWS = ((1, 3, 1, 1, 8), (2, 5, 2, 2, 12), (2, 3, 2, 3, 16), (1, 5, 2, 2, 24), (3, 5, 2, 2, 32), (2, 3, 1, 2, 40))
TINY = [Stage(*row) for row in ROWS]
TINY_HEAD = 48
TINY_CLASSES = 7


def published_style(stages, head, classes, seed=0):
    """A random state dict with the published names."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}

    def conv(name, norm, outputs, inputs, kernel):
        fan = inputs * kernel * kernel
        weights[f"{name}.weight"] = torch.randn(outputs, inputs, kernel, kernel, generator=generator) * math.sqrt(
            2 / fan
        )
        weights[f"{norm}.weight"] = 0.7 + torch.rand(outputs, generator=generator)
        weights[f"{norm}.bias"] = torch.randn(outputs, generator=generator) * 0.3
        weights[f"{norm}.running_mean"] = torch.randn(outputs, generator=generator) * 0.3
        weights[f"{norm}.running_var"] = 0.5 + torch.rand(outputs, generator=generator)
        weights[f"{norm}.num_batches_tracked"] = torch.tensor(1)

    conv("_conv_stem", "_bn0", 32, 3, 3)
    inputs, index = 32, 0
    for stage in stages:
        for _ in range(stage.repeats):
            block, hidden = f"_blocks.{index}", inputs * stage.expansion
            if stage.expansion > 1:
                conv(f"{block}._expand_conv", f"{block}._bn0", hidden, inputs, 1)
            conv(f"{block}._depthwise_conv", f"{block}._bn1", hidden, 1, stage.kernel)
            conv(f"{block}._project_conv", f"{block}._bn2", stage.channels, hidden, 1)
            inputs, index = stage.channels, index + 1
    conv("_conv_head", "_bn1", head, inputs, 1)
    weights["_fc.weight"] = torch.randn(classes, head, generator=generator) * 0.1
    weights["_fc.bias"] = torch.randn(classes, generator=generator)
    return {name: value.double() if value.is_floating_point() else value for name, value in weights.items()}


def same_pad(x, kernel, stride, dilation=1):
    """TensorFlow's "same": enough for ceil(n / stride) outputs, the odd pixel at the bottom and right."""
    for axis in (-2, -1):
        n = x.shape[axis]
        total = max((math.ceil(n / stride) - 1) * stride + (kernel - 1) * dilation + 1 - n, 0)
        before = torch.zeros_like(x.narrow(axis, 0, 1)).repeat_interleave(total // 2, dim=axis)
        after = torch.zeros_like(x.narrow(axis, 0, 1)).repeat_interleave(total - total // 2, dim=axis)
        x = torch.cat([before, x, after], dim=axis)
    return x


def literal_features(weights, stages, x):
    """The published network at output stride 32, layer by layer."""

    def conv_norm(x, name, norm, stride=1, groups=1):
        kernel = weights[f"{name}.weight"]
        y = F.conv2d(same_pad(x, kernel.shape[-1], stride), kernel, stride=stride, groups=groups)
        mean, var = (weights[f"{norm}.{part}"][:, None, None] for part in ("running_mean", "running_var"))
        gamma, beta = (weights[f"{norm}.{part}"][:, None, None] for part in ("weight", "bias"))
        return (y - mean) / torch.sqrt(var + 1e-3) * gamma + beta

    x = conv_norm(x, "_conv_stem", "_bn0", stride=2).clamp(0, 6)
    index = 0
    for stage in stages:
        for repeat in range(stage.repeats):
            block, stride, y = f"_blocks.{index}", stage.stride if repeat == 0 else 1, x
            if stage.expansion > 1:
                y = conv_norm(y, f"{block}._expand_conv", f"{block}._bn0").clamp(0, 6)
            y = conv_norm(y, f"{block}._depthwise_conv", f"{block}._bn1", stride, groups=y.shape[1]).clamp(0, 6)
            y = conv_norm(y, f"{block}._project_conv", f"{block}._bn2")
            x = x + y if stride == 1 and x.shape[1] == y.shape[1] else y
            index += 1
    return conv_norm(x, "_conv_head", "_bn1").clamp(0, 6)


def tiny(output_stride, weights):
    tower = EfficientNetLite(output_stride=output_stride, stages=TINY, head_channels=TINY_HEAD, classes=TINY_CLASSES)
    tower.double().load_state_dict(fold_batch_norms(weights))
    return tower.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def weights():
    return published_style(TINY, TINY_HEAD, TINY_CLASSES)


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("size", [(64, 64), (65, 47), (33, 34), (1, 1), (7, 100)])
def test_tiny_network_equals_the_literal_one(weights, size):
    pixels, tower = noise(2, 3, *size), tiny(32, weights)
    expected = literal_features(weights, TINY, pixels)
    features = tower.features(pixels)
    assert features.std() > 0.1  # alive: neither all zeros nor all sixes
    torch.testing.assert_close(features, expected)
    logits = expected.mean(dim=(2, 3)) @ weights["_fc.weight"].T + weights["_fc.bias"]
    torch.testing.assert_close(tower(pixels), logits)


@pytest.mark.parametrize("variant", [0, 1, 2])
def test_published_networks_equal_the_literal_one(variant):
    """Real weights and real tables: names, order, depths, widths, strides, padding and folding all at once."""
    pytest.importorskip(WEIGHTS[variant].package)
    published = torch.load(WEIGHTS[variant].path(), weights_only=True)
    pixels = noise(1, 3, 45, 66).float()
    tower = load_efficientnet_lite(f"efficientnet-lite{variant}", output_stride=32)
    with torch.inference_mode():
        expected = literal_features(published, scaled_stages(variant), pixels)
        torch.testing.assert_close(tower.features(pixels), expected, atol=1e-3, rtol=1e-3)
    assert not any(parameter.requires_grad for parameter in tower.parameters())
    assert not tower.training


@pytest.mark.slow
def test_random_lite0_equals_the_literal_one():
    stages = scaled_stages(0)
    weights = published_style(stages, 1280, 1000)
    tower = EfficientNetLite(0, output_stride=32).double()
    tower.load_state_dict(fold_batch_norms(weights))
    pixels = noise(1, 3, 33, 40)
    with torch.inference_mode():
        torch.testing.assert_close(tower.features(pixels), literal_features(weights, stages, pixels))


def test_published_tables():
    """Widths and depths of the reference implementation (tensorflow/tpu, efficientnet lite)."""
    assert [(stage.channels, stage.repeats) for stage in scaled_stages(0)] == [
        (16, 1), (24, 2), (40, 2), (80, 3), (112, 3), (192, 4), (320, 1),
    ]  # fmt: skip
    assert [stage.repeats for stage in scaled_stages(1)] == [1, 3, 3, 4, 4, 5, 1]
    assert [(stage.channels, stage.repeats) for stage in scaled_stages(2)] == [
        (16, 1), (24, 3), (48, 3), (88, 4), (120, 4), (208, 5), (352, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (1, 4)])
def test_same_padding_is_tensorflows(kernel, stride, dilation):
    conv = SameConv(2, 3, kernel, stride, dilation).double()
    for height in range(1, 9):
        for width in (1, 6, 9):
            x = noise(1, 2, height, width)
            result = conv(x)
            assert result.shape == (1, 3, math.ceil(height / stride), math.ceil(width / stride))
            padded = same_pad(x, kernel, stride, dilation)
            torch.testing.assert_close(result, F.conv2d(padded, conv.weight, conv.bias, stride, 0, dilation))


@pytest.mark.parametrize("output_stride", [16, 32])
@pytest.mark.parametrize("size", [(1, 1), (16, 17), (31, 32), (33, 65), (48, 1)])
def test_shapes_are_rounded_up(weights, output_stride, size):
    features = tiny(output_stride, weights).features(noise(1, 3, *size))
    assert features.shape == (1, TINY_HEAD, *(math.ceil(side / output_stride) for side in size))


@pytest.mark.parametrize("size", [(80, 112), (96, 128), (80, 128), (97, 33), (250, 16)])
def test_dilated_features_hold_the_coarse_ones(weights, size):
    """Dilation only adds positions: every second one is what output stride 32 sees.

    Stride 2 with "same" padding keeps the odd positions of an even grid and the even ones of an odd grid.
    """
    pixels = noise(1, 3, *size)
    coarse, fine = tiny(32, weights).features(pixels), tiny(16, weights).features(pixels)
    rows, columns = (1 - side % 2 for side in fine.shape[-2:])
    torch.testing.assert_close(fine[:, :, rows::2, columns::2], coarse)
    assert fine.shape[-1] * fine.shape[-2] > coarse.shape[-1] * coarse.shape[-2]


@pytest.mark.parametrize("output_stride", [0, 8, 64, 16.5])
def test_other_output_strides_are_refused(output_stride):
    with pytest.raises(ValueError, match=f"output_stride is {output_stride}; it must be 16 or 32"):
        EfficientNetLite(0, output_stride=output_stride, stages=TINY)


def test_photos_of_a_batch_do_not_see_each_other(weights):
    tower, pixels = tiny(16, weights), noise(3, 3, 40, 50)
    together = tower.features(pixels)
    for photo in range(3):
        torch.testing.assert_close(tower.features(pixels[photo : photo + 1])[0], together[photo])


def test_pixels_are_left_alone(weights):
    pixels = noise(1, 3, 20, 20)
    before = pixels.clone()
    tiny(16, weights)(pixels)
    assert torch.equal(pixels, before)


def test_classes_of_half_precision_features(weights):
    tower, features = tiny(16, weights), noise(4, 5, TINY_HEAD)
    half = tower.classify(features.half())
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.double(), tower.classify(features), atol=2e-2, rtol=0)


def test_a_foreign_state_dict_is_refused(weights):
    with pytest.raises(KeyError, match="not a convolution of EfficientNet-Lite"):
        fold_batch_norms({**weights, "_blocks.0._other_conv.weight": torch.zeros(1, 1, 1, 1)})


@pytest.mark.parametrize("variant", [0, 2])
def test_real_photos_get_their_imagenet_class(variant):
    data = pytest.importorskip("skimage.data")
    pytest.importorskip(WEIGHTS[variant].package)
    tower = load_efficientnet_lite(f"efficientnet-lite{variant}", output_stride=32)

    def best(photo):
        side = Image.fromarray(photo).resize((260, 260), Image.Resampling.BICUBIC)
        pixels = (torch.from_numpy(np.array(side)).permute(2, 0, 1)[None].float() - 127) / 128
        with torch.inference_mode():
            return tower(pixels).argmax().item()

    assert best(data.chelsea()) in range(281, 286)  # tabby, tiger cat, Persian, Siamese, Egyptian cat
    assert best(data.coffee()) in (967, 968)  # espresso, cup


class TestMultilevel:
    def test_holds_the_last_map_and_two_earlier_ones(self):
        """The earlier maps, taken out by hooks on the ends of the last stage and of the one two before it."""
        plain, towers = (
            load_efficientnet_lite("efficientnet-lite0"),
            load_efficientnet_lite("efficientnet-lite0-multilevel"),
        )
        ends = np.cumsum([stage.repeats for stage in scaled_stages(0)]) - 1
        maps = {}
        for stage in (-3, -1):
            towers.blocks[ends[stage]].register_forward_hook(lambda _, __, out, stage=stage: maps.update({stage: out}))
        pixels = noise(1, 3, 50, 70).float()
        with torch.inference_mode():
            features = towers.features(pixels)
            last = plain.features(pixels)
        assert torch.equal(features, torch.cat([last, maps[-3], maps[-1]], dim=1))
        assert features.shape[1] == towers.channels == 1280 + 112 + 320
        assert (plain.channels, plain.last, towers.last) == (1280, 1280, 1280)

    def test_classifies_as_without(self):
        plain, towers = (
            load_efficientnet_lite("efficientnet-lite0"),
            load_efficientnet_lite("efficientnet-lite0-multilevel"),
        )
        pixels = noise(1, 3, 50, 70).float()
        with torch.inference_mode():
            torch.testing.assert_close(towers(pixels), plain(pixels))

    def test_its_attention_is_of_the_last_map(self):
        tower = EfficientNetLite(stages=TINY, head_channels=TINY_HEAD, classes=TINY_CLASSES).eval()
        model = ICLIP(tower, HashedText(), 16)
        features = noise(1, TINY_HEAD + 5, 4, 6).float()
        assert torch.equal(model.attention(features), energy(features[:, :TINY_HEAD]))

    def test_needs_maps_of_one_stride(self):
        with pytest.raises(ValueError, match="multilevel needs output_stride 16"):
            EfficientNetLite(0, output_stride=32, multilevel=True)
