"""An encoder or a decoder: its layers by the names that docs/WEIGHTS.md gives them, loaded and checked."""
import re

from .refusal import Refusal

LEVELS = range(1, 6)
LEVEL_MAX = 5
CHANNELS_MAX = 8192
PICTURE_CHANNELS = 3
BLOCK_CONVOLUTIONS_MAX = 8
PART = re.compile(r"conv(?:0|([1-5])_([1-8])|([1-5])_1_aux)")


def position(part):
    """("conv0") to (0, 0, 0), ("conv3_2") to (0, 3, 2), ("conv3_1_aux") to (1, 3, 1); None for no layer's name."""
    match = PART.fullmatch(part)
    if match is None:
        return None
    block, number, embedded = (int(text or 0) for text in match.groups())
    return (1, embedded, 1) if embedded else (0, block, number)


def is_convolution(part):
    """One of the trunk's, neither color nor embedding."""
    return position(part)[0] == 0 and part != "conv0"


def crosses(shape):
    return "x".join(map(str, shape)) or "a single value"


class Layer:
    """@weight: (out, in, side, side), @bias: (out); arrays of float32 once loaded, tensors of a file before.

    @name: what the file calls it, for sentences
    """

    def __init__(self, name, weight, bias):
        self.name, self.weight, self.bias = name, weight, bias

    def load(self, label):
        self.weight = self.weight.floats(f"{label}: {self.name}")
        self.bias = self.bias.floats(f"{label}: {self.name} (bias)")


class Network:
    """@layers: {part: Layer}, brought into the order in which they compute; embeddings last.

    @final_relu: of a decoder, whether its last convolution is followed by ReLU
    @shared: of an encoder, whether its file calls it the trunk of all levels
    """

    def __init__(self, label, role, layers, final_relu=None, shared=False):
        self.label, self.role, self.final_relu, self.shared = label, role, final_relu, shared
        self.level = max((position(part)[1] for part in layers if is_convolution(part)), default=0)
        if role == "encoder":
            self.layers = {part: layers[part] for part in sorted(layers, key=position) if not self.is_beyond_tap(part)}
        else:
            self.layers = {part: layers[part] for part in sorted(layers, key=position, reverse=True)}
        self.check_plan()
        self.check_shapes()
        for layer in self.layers.values():
            layer.load(label)

    def is_beyond_tap(self, part):
        """An encoder ends at the first convolution of its deepest block."""
        aux, block, number = position(part)
        return block == self.level and number > 1 and not aux

    def convolutions(self):
        return [part for part in self.layers if is_convolution(part)]

    def blocks(self):
        """{block: how many convolutions it has}; the deepest has one."""
        counts = {}
        for part in self.convolutions():
            block = position(part)[1]
            counts[block] = counts.get(block, 0) + 1
        return counts

    def refuse(self, fact):
        raise Refusal(f"{self.label}: {fact}")

    def check_plan(self):
        """Each block has its convolutions from the first to the last."""
        counts = self.blocks()
        expected = {f"conv{block}_{i}" for block in range(1, self.level + 1) for i in range(1, counts.get(block, 1) + 1)}
        missing = sorted(expected - set(self.convolutions()))
        if self.level == 0 or missing:
            self.refuse(f"its {self.role} has no {missing[0] if missing else 'conv1_1'}; the file is incomplete")
        if max(counts.values()) > BLOCK_CONVOLUTIONS_MAX or counts[self.level] != 1:
            self.refuse(f"its {self.role} has {max(counts.values())} convolutions in a block, or more than one in the "
                        "deepest; that is no network of VGG's plan")
        if self.role == "decoder" and len(self.layers) != len(self.convolutions()):
            self.refuse("its decoder has a color layer or an embedding, which only encoders have")
        beyond = [part for part in self.layers if position(part)[1] > self.level]
        if beyond:
            self.refuse(f"its encoder has {beyond[0]}, but ends at conv{self.level}_1")

    def check_shapes(self):
        """Channels chain: pictures have 3, and a convolution takes what the one before gives."""
        channels = None if self.role == "decoder" else PICTURE_CHANNELS
        made = {"conv0": PICTURE_CHANNELS}
        for part in self.convolutions():
            last = self.role == "decoder" and part == "conv1_1"
            channels = made[part] = self.check_layer(part, channels, PICTURE_CHANNELS if last else None, 3)
        for part in self.layers:
            if part == "conv0":
                self.check_layer(part, PICTURE_CHANNELS, PICTURE_CHANNELS, 1)
            elif not is_convolution(part):
                self.check_layer(part, made[part[:-len("_aux")]], None, 1)

    def check_layer(self, part, in_c, out_c, side):
        """@in_c, @out_c: None where the file may choose. Returns how many channels come out."""
        layer = self.layers[part]
        have, bias = layer.weight.shape, layer.bias.shape
        need = ("N" if out_c is None else out_c, "N" if in_c is None else in_c, side, side)
        if len(have) != 4 or any(n != "N" and n != h for n, h in zip(need, have)):
            self.refuse(f"{layer.name}: has {crosses(have)}, {part} of {article(self.role)} needs {crosses(need)}")
        if not 1 <= min(have) <= max(have[:2]) <= CHANNELS_MAX:
            self.refuse(f"{layer.name}: has {crosses(have)}; from 1 to {CHANNELS_MAX} channels are allowed")
        if bias != have[:1]:
            self.refuse(f"{layer.name}: has {crosses(have)} with a bias of {crosses(bias)}; they do not fit")
        return have[0]


def article(role):
    return "an encoder" if role == "encoder" else "a decoder"
