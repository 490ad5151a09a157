"""Small networks of VGG's plan, written as other programs write theirs: what the tests of wct-import read."""
import pickle
import struct

import numpy as np

BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


def convolutions(topology, level, channels=4, seed=0):
    """[(block, number, weight, bias)] of an encoder up to conv<level>_1; values are float32."""
    rng, made, in_c = np.random.default_rng(seed), [], 3
    for block in range(1, level + 1):
        for number in range(1, (1 if block == level else BLOCKS[topology][block - 1]) + 1):
            weight = rng.normal(0, (2 / (9 * in_c)) ** 0.5, (channels, in_c, 3, 3)).astype(np.float32)
            made.append((block, number, weight, rng.normal(0.1, 0.1, channels).astype(np.float32)))
            in_c = channels
    return made


def mirrored(encoder, seed=1):
    """The decoder of such an encoder, in the order in which it computes."""
    rng = np.random.default_rng(seed)
    return [(block, number, rng.normal(0, 0.2, weight.shape[1::-1] + (3, 3)).astype(np.float32),
             rng.normal(0, 0.1, weight.shape[1]).astype(np.float32)) for block, number, weight, _ in reversed(encoder)]


# ---- names ----------------------------------------------------------------------------------------------------------

def compact_names(layers):
    """Collaborative Distillation's."""
    return {f"conv{block}{number}.{part}": values for block, number, *both in layers
            for part, values in zip(("weight", "bias"), both)}


def torchvision_names(topology, seed=0):
    """A whole network's features, numbered as torchvision does, classifier left out."""
    names, at, before = {}, 0, 1
    whole = convolutions(topology, 5, seed=seed)
    rng = np.random.default_rng(seed + 1)
    for number in range(2, BLOCKS[topology][4] + 1):
        whole.append((5, number, rng.normal(0, 0.2, (4, 4, 3, 3)).astype(np.float32), np.zeros(4, np.float32)))
    for block, _, weight, bias in whole:
        at += 1 if block != before else 0
        names[f"features.{at}.weight"], names[f"features.{at}.bias"] = weight, bias
        at, before = at + 2, block
    return names


def lpips_tree(seed=0):
    """VGG16_0: {Conv_i: {kernel, bias}}, kernels as (height, width, in, out)."""
    whole = convolutions("vgg16", 5, seed=seed)
    whole += [(5, n, whole[-1][2], whole[-1][3]) for n in (2, 3)]
    return {"VGG16_0": {f"Conv_{i}": {"kernel": np.ascontiguousarray(weight.transpose(2, 3, 1, 0)), "bias": bias}
                        for i, (_, _, weight, bias) in enumerate(whole)}}


def pickled(tree, protocol=4):
    return pickle.dumps(tree, protocol=protocol)


class Touch:
    """Whoever unpickles it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


# ---- .t7 ------------------------------------------------------------------------------------------------------------

class Torch7Writer:
    """Torch7's binary format for nn.Sequential."""

    def __init__(self):
        self.parts, self.objects = [], 0

    def int(self, value):
        self.parts.append(struct.pack("<i", value))

    def string(self, text):
        self.int(len(text))
        self.parts.append(text.encode())

    def head(self, kind):
        self.int(kind)
        self.objects += 1
        self.int(self.objects)

    def value(self, value):
        if isinstance(value, str):
            self.int(2)
            self.string(value)
        elif isinstance(value, (int, float)):
            self.int(1)
            self.parts.append(struct.pack("<d", value))
        elif isinstance(value, dict):
            self.head(3)
            self.int(len(value))
            for key, item in value.items():
                self.value(key)
                self.value(item)
        elif isinstance(value, np.ndarray):
            self.tensor(value)
        else:
            self.instance(*value)

    def class_name(self, name):
        self.head(4)
        self.string("V 1")
        self.string(name)

    def instance(self, name, fields):
        self.class_name(name)
        self.value(fields)

    def tensor(self, array):
        self.class_name("torch.FloatTensor")
        self.int(array.ndim)
        strides = [step // array.itemsize for step in array.strides]
        self.parts.append(struct.pack(f"<{2 * array.ndim + 1}q", *array.shape, *strides, 1))
        self.class_name("torch.FloatStorage")
        self.parts.append(struct.pack("<q", array.size) + array.astype("<f4").tobytes())

    def bytes(self):
        return b"".join(self.parts)


def torch7(layers, change):
    """An nn.Sequential of @layers, with @change (a module's name) between blocks; encoders have a color layer first."""
    modules, before = [], layers[0][0]
    if layers[0][2].shape[1] == 3:
        modules.append(("nn.SpatialConvolution", {"weight": np.eye(3, dtype=np.float32)[:, :, None, None] * 255,
                                                  "bias": np.float32([-104, -117, -124])}))
    for block, _, weight, bias in layers:
        if block != before:
            modules.append((change, {"scale_factor": 2.0}))
        before = block
        modules += [("nn.SpatialReflectionPadding", {"pad_l": 1.0}),
                    ("nn.SpatialConvolution", {"weight": weight, "bias": bias, "dW": 1.0}), ("nn.ReLU", {})]
    if layers[-1][2].shape[0] == 3:
        modules.pop()
    writer = Torch7Writer()
    writer.value(("nn.Sequential", {"modules": {float(i): module for i, module in enumerate(modules, 1)}}))
    return writer.bytes()
