#!/usr/bin/env python3
"""Makes the small random models that the test suite runs on.

  make_models.py FOLDER

  tiny.safetensors             five levels, one trunk with conv0, VGG-19's topology, 8 to 16 channels
  tiny-own-trunks.safetensors  a trunk for each level with embeddings, decoders end in ReLU
  tiny-vgg16.safetensors       VGG-16's topology
  tiny-f16.safetensors         tiny, rounded to F16
  tiny-bf16.safetensors        tiny, rounded to BF16
  tiny-encoder.safetensors     the trunk alone

The same bytes on every machine. Weights keep the size of activations (He et al. 2015: variance 2 / fan-in); each filter
adds up to 0, so that positive activations do not push whole channels under the ReLU.
"""
import math
import pathlib
import random
import sys

from safetensors_file import write

CHANNELS = (8, 8, 12, 16, 16)  # 12 is no multiple of a vector
LEVELS = range(1, 6)
VGG19, VGG16 = (2, 2, 4, 4, 1), (2, 2, 3, 3, 1)
TEACHER_CHANNELS = 20
GAIN = 1.2  # filters that add up to 0 see only what differs
SEED = 1


class Maker:
    def __init__(self, seed, blocks=VGG19, channels=CHANNELS):
        self.random, self.blocks, self.channels, self.tensors = random.Random(seed), blocks, channels, {}

    def uniform(self, count, bound):
        return [bound * (2 * self.random.random() - 1) for _ in range(count)]

    def filter(self, fan_in, gain):
        weights = self.uniform(fan_in, gain * math.sqrt(6 / fan_in))
        mean = sum(weights) / fan_in
        return [w - mean for w in weights]

    def conv(self, name, in_c, out_c, side=3, gain=GAIN, bias=0.1):
        weights = [w for _ in range(out_c) for w in self.filter(in_c * side * side, gain)]
        self.tensors[name + ".weight"] = ((out_c, in_c, side, side), weights)
        self.tensors[name + ".bias"] = ((out_c,), [bias + b for b in self.uniform(out_c, 0.1)])

    def color(self, prefix):
        """Channels swapped and centered, as the original networks want them."""
        matrix = [0, 0, 2.1, 0, 2.2, 0, 2.3, 0, 0]
        self.tensors[prefix + "conv0.weight"] = ((3, 3, 1, 1), matrix)
        self.tensors[prefix + "conv0.bias"] = ((3,), [-0.9, -1.0, -1.1])

    def encoder(self, prefix, level):
        self.color(prefix)
        in_c = 3
        for block in range(1, level + 1):
            for number in range(1, (1 if block == level else self.blocks[block - 1]) + 1):
                self.conv(f"{prefix}conv{block}_{number}", in_c, self.channels[block - 1])
                in_c = self.channels[block - 1]

    def embeddings(self, prefix, level):
        for block in range(1, level + 1):
            self.conv(f"{prefix}conv{block}_1_aux", self.channels[block - 1], TEACHER_CHANNELS, side=1)

    def decoder(self, level):
        in_c = self.channels[level - 1]
        for block in range(level, 0, -1):
            for number in range(1 if block == level else self.blocks[block - 1], 0, -1):
                below = 3 if block == 1 else self.channels[block - 2]
                out_c = below if number == 1 else self.channels[block - 1]
                last = {"gain": 0.2, "bias": 0.5} if out_c == 3 else {}  # near a picture's range
                self.conv(f"decoder{level}.conv{block}_{number}", in_c, out_c, **last)
                in_c = out_c


def metadata(name, topology="vgg19", **more):
    return {"format": "wct", "version": "1", "topology": topology, "name": name, "license": "MIT",
            "source": "tests/models/make_models.py", **more}


def shared(blocks=VGG19):
    maker = Maker(SEED, blocks)
    maker.encoder("encoder.", 5)
    for level in LEVELS:
        maker.decoder(level)
    return maker.tensors


def own_trunks():
    maker = Maker(SEED + 1)
    for level in LEVELS:
        maker.encoder(f"encoder{level}.", level)
        maker.embeddings(f"encoder{level}.", level)
        maker.decoder(level)
    return maker.tensors


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    tiny = shared()
    write(folder / "tiny.safetensors", metadata("tiny"), tiny)
    write(folder / "tiny-f16.safetensors", metadata("tiny, F16"), tiny, "F16")
    write(folder / "tiny-bf16.safetensors", metadata("tiny, BF16"), tiny, "BF16")
    write(folder / "tiny-own-trunks.safetensors", metadata("tiny, own trunks", decoder_final_relu="true"), own_trunks())
    write(folder / "tiny-vgg16.safetensors", metadata("tiny, VGG-16", "vgg16"), shared(VGG16))
    write(folder / "tiny-encoder.safetensors", metadata("tiny, encoder"),
          {name: tensor for name, tensor in tiny.items() if name.startswith("encoder")})


if __name__ == "__main__":
    main()
