#!/usr/bin/env python3
"""The peer to beat on a graphics card: the same multi-level stylization, as a PyTorch user who cares for speed writes it.

  bench/gpu_twin.py MODEL [--sizes 512 1024] [--repeat 15] [--element float16] [--device cuda]

Channels last, half precision, cuDNN's own timing of engines, and CUDA graphs for all but the eigen-decompositions, which
PyTorch cannot capture. Statistics and the map are in float, eigen-decompositions in double; the style is measured before.
Prints a line of JSON for each size: the median of seconds from a picture in pinned memory to one in pinned memory, by CUDA's
events. --device cpu is there to see that it computes the right thing where there is no card: eager, in float.
"""
import argparse
import json
import statistics
import struct
import sys
import time

import torch
import torch.nn.functional as F

FLOOR = 1e-5  # eigenvalues below are dropped, as by wct
ALPHA = {5: 0.6, 4: 0.6, 3: 0.6, 2: 0.6, 1: 0.6}
SKIPPED = 77


def load_model(path):
    """Name to tensor of a .safetensors file, as floats, and its metadata."""
    kinds = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        blob = bytearray(file.read())
    about = header.pop("__metadata__", {})
    tensors = {name: torch.frombuffer(blob, dtype=kinds[t["dtype"]], offset=t["data_offsets"][0],
                                      count=torch.Size(t["shape"]).numel()).reshape(t["shape"]).float()
               for name, t in header.items() if t["dtype"] in kinds}
    return tensors, about


class Network:
    """Encoders up to relu_X_1 and decoders back, by the names of the model's tensors."""

    def __init__(self, path, device, element):
        last = torch.channels_last
        tensors, about = load_model(path)
        self.tensors = {name: t.to(device, element).contiguous(memory_format=last) if t.dim() == 4 else t.to(device, element)
                        for name, t in tensors.items()}
        self.final_relu = about.get("decoder_final_relu", "false") == "true"

    def levels(self):
        return [level for level in range(5, 0, -1) if f"decoder{level}.conv1_1.weight" in self.tensors]

    def count(self, block):
        """Convolutions of a block that is passed through whole."""
        return max(int(name.split(f"conv{block}_")[1].split(".")[0]) for name in self.tensors
                   if f"conv{block}_" in name and "_aux" not in name)

    def convolve(self, x, name, relu=True):
        weight, bias = self.tensors[name + ".weight"], self.tensors[name + ".bias"]
        if weight.shape[-1] == 3:
            x = F.pad(x, (1, 1, 1, 1), mode="reflect")
        x = F.conv2d(x, weight, bias)
        return F.relu_(x) if relu else x

    def encode(self, x, level):
        prefix = f"encoder{level}." if f"encoder{level}.conv1_1.weight" in self.tensors else "encoder."
        if prefix + "conv0.weight" in self.tensors:
            x = self.convolve(x, prefix + "conv0", relu=False)
        for block in range(1, level + 1):
            if block > 1:
                x = F.max_pool2d(x, 2)
            for i in range(1, (1 if block == level else self.count(block)) + 1):
                x = self.convolve(x, f"{prefix}conv{block}_{i}")
        return x

    def decode(self, x, level):
        x = self.convolve(x, f"decoder{level}.conv{level}_1", relu=level > 1 or self.final_relu)
        for block in range(level - 1, 0, -1):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            for i in range(self.count(block), 0, -1):
                x = self.convolve(x, f"decoder{level}.conv{block}_{i}", relu=block > 1 or i > 1 or self.final_relu)
        return x


def measure(features):
    """Mean (C, 1) and covariance (C, C), in float."""
    flat = features[0].flatten(1).float()
    mean = flat.mean(1, keepdim=True)
    flat = flat - mean
    return mean, flat @ flat.T / (flat.shape[1] - 1)


def power(covariance, exponent):
    values, vectors = torch.linalg.eigh(covariance.double())
    powers = torch.where(values > FLOOR, values.clamp_min(FLOOR) ** exponent, 0)
    return (vectors * powers) @ vectors.T


def solve(mean, covariance, style, alpha):
    """The affine map, with strength: matrix and bias, in float."""
    style_mean, style_root = style
    matrix = alpha * (style_root @ power(covariance, -0.5)).float()
    bias = alpha * style_mean - matrix @ mean
    return matrix + (1 - alpha) * torch.eye(len(matrix), device=matrix.device), bias


def apply(features, matrix, bias):
    count, channels, height, width = features.shape
    flat = matrix @ features[0].flatten(1).float() + bias
    return flat.reshape(count, channels, height, width).to(features.dtype).contiguous(memory_format=torch.channels_last)


def record(function, *inputs):
    """A function on fixed inputs as a CUDA graph: what replays it, and its outputs."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            function(*inputs)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = function(*inputs)
    return graph.replay, outputs


def eager(function, *inputs):
    """As record, for a processor: outputs are written where the first run left them."""
    outputs = function(*inputs)
    flat = outputs if isinstance(outputs, tuple) else (outputs,)

    def replay():
        fresh = function(*inputs)
        for to, value in zip(flat, fresh if isinstance(fresh, tuple) else (fresh,)):
            to.copy_(value)
    return replay, outputs


class Twin:
    """One size of picture, all levels."""

    def __init__(self, network, styles, picture):
        catch = record if picture.is_cuda else eager
        self.picture, self.steps, x = picture, [], picture
        for level in network.levels():
            def analyze(x, level=level):
                features = network.encode(x, level)
                return features, *measure(features)
            first, (features, mean, covariance) = catch(analyze, x)
            matrix, bias = (t.clone() for t in solve(mean, covariance, styles[level], ALPHA[level]))
            second, x = catch(lambda f, m, b, level=level: network.decode(apply(f, m, b), level), features, matrix, bias)
            self.steps.append((level, first, mean, covariance, matrix, bias, second))
        self.result, self.styles = x, styles

    def run(self, host_in, host_out):
        self.picture.copy_(host_in, non_blocking=True)
        for level, first, mean, covariance, matrix, bias, second in self.steps:
            first()
            fresh_matrix, fresh_bias = solve(mean, covariance, self.styles[level], ALPHA[level])
            matrix.copy_(fresh_matrix)
            bias.copy_(fresh_bias)
            second()
        host_out.copy_(self.result, non_blocking=True)


def make_picture(size, seed):
    """Smooth waves with some noise."""
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    waves = torch.stack([(columns * (3 + c) + rows * (seed + 2)) % 97 / 97 for c in range(3)])
    return (0.75 * waves + 0.25 * torch.rand(3, size, size, generator=torch.Generator().manual_seed(seed)))[None]


def time_runs(twin, host_in, host_out, repeat, on_card):
    seconds = []
    for _ in range(repeat + 1):
        if on_card:
            events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
            torch.cuda.synchronize()
            events[0].record()
            twin.run(host_in, host_out)
            events[1].record()
            torch.cuda.synchronize()
            seconds.append(events[0].elapsed_time(events[1]) / 1e3)
        else:
            start = time.perf_counter()
            twin.run(host_in, host_out)
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024, 2048, 4096])
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--element", default="float16", choices=["float16", "bfloat16", "float32"])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--result", help="keep the last result as a .npy")
    options = parser.parse_args()
    on_card = options.device == "cuda"
    if on_card and not torch.cuda.is_available():
        print("PyTorch sees no card here")
        return SKIPPED
    torch.backends.cudnn.benchmark = True
    element = getattr(torch, options.element) if on_card else torch.float32
    network = Network(options.model, options.device, element)
    with torch.inference_mode():
        style = make_picture(512, 7).to(options.device, element).contiguous(memory_format=torch.channels_last)
        measured = {level: measure(network.encode(style, level)) for level in network.levels()}
        styles = {level: (mean, power(covariance, 0.5)) for level, (mean, covariance) in measured.items()}
        for size in options.sizes:
            host_in = make_picture(size, 1).to(element)
            host_out = torch.empty_like(host_in)
            if on_card:
                host_in, host_out = host_in.pin_memory(), host_out.pin_memory()
            picture = host_in.to(options.device).contiguous(memory_format=torch.channels_last)
            twin = Twin(network, styles, picture)
            median = time_runs(twin, host_in, host_out, options.repeat, on_card)
            print(json.dumps({"who": f"PyTorch {torch.__version__}, {element}".replace("torch.", ""), "median": median,
                              "width": size, "height": size}), flush=True)
        if options.result:
            import numpy
            numpy.save(options.result, host_out[0].float().numpy())
    return 0


if __name__ == "__main__":
    sys.exit(main())
