#!/usr/bin/env python3
"""Gradients of a back end against PyTorch's autograd, in double.

  compare_autograd.py DUMP_GRADIENTS BACKEND

Exits 77, with the reason, where PyTorch or the back end is missing."""
import subprocess
import sys
import unittest

try:
    import torch
    from torch.nn import functional
except ImportError:
    print("skipped: no PyTorch for this Python")
    sys.exit(77)

PROGRAM, BACKEND = sys.argv[1:3]
SKIPPED = 77  # of the program, and meson's
ALLOWED = 1e-4  # of the norm: float sums, and Winograd's transforms; terms cancel, so single values may be off by more
ADAM_ALLOWED = 1e-5  # of the change: 20 steps of float moments


def read_floats(stream, *shape):
    """The next floats, as doubles."""
    count = 1
    for side in shape:
        count *= side
    data = bytearray(stream.read(4 * count))
    if len(data) != 4 * count:
        raise EOFError(f"{len(data)} bytes where {4 * count} are due")
    return torch.frombuffer(data, dtype=torch.float32).double().reshape(shape)


def pad(x):
    """Reflection by 1; a side of 1 repeats its pixel, for which PyTorch has another name."""
    for sides, size in (((1, 1, 0, 0), x.shape[3]), ((0, 0, 1, 1), x.shape[2])):
        x = functional.pad(x, sides, mode="reflect" if size > 1 else "replicate")
    return x


class Chain:
    """A case: what went in, what the back end made of it, and its layers in PyTorch."""

    def __init__(self, words, stream):
        self.name = words[0]
        count, channels, height, width = map(int, words[1:5])
        self.layers = [word.split(":") for word in words[5:]]
        self.input = read_floats(stream, count, channels, height, width).requires_grad_()
        self.parameters = []  # weight, bias, weight, ...
        for layer in self.layers:
            if layer[0] in ("conv", "embed"):
                out, side = int(layer[1]), 3 if layer[0] == "conv" else 1
                self.parameters.append(read_floats(stream, out, channels, side, side).requires_grad_())
                self.parameters.append(read_floats(stream, out).requires_grad_())
                channels = out
        self.expected = self.forward()
        self.out_gradient = read_floats(stream, *self.expected.shape)
        self.result = read_floats(stream, *self.expected.shape)
        self.gradients = [read_floats(stream, *tensor.shape) for tensor in (self.input, *self.parameters)]

    def forward(self):
        x, parameters = self.input, iter(self.parameters)
        for layer in self.layers:
            if layer[0] == "pool":
                x = functional.max_pool2d(x, 2)
            elif layer[0] == "upsample":
                x = functional.interpolate(x, scale_factor=2, mode="nearest")
            else:
                x = functional.conv2d(pad(x) if layer[0] == "conv" else x, next(parameters), next(parameters))
                x = functional.relu(x) if layer[2] == "relu" else x
        return x

    def check(self, test):
        check_norm(test, "result", self.result, self.expected.detach())
        self.expected.backward(self.out_gradient)
        check_norm(test, "gradient of the input", self.gradients[0], self.input.grad)
        for i, (got, parameter) in enumerate(zip(self.gradients[1:], self.parameters)):
            check_norm(test, f"gradient of convolution {i // 2}'s {'biases' if i % 2 else 'weights'}", got, parameter.grad)


class Adam:
    """Parameters before and after some steps."""

    name = "adam"

    def __init__(self, words, stream):
        count, steps = int(words[0]), int(words[1])
        rate, beta1, beta2, epsilon = map(float, words[2:])
        self.before = read_floats(stream, count)
        self.expected = self.before.clone().requires_grad_()
        optimizer = torch.optim.Adam([self.expected], lr=rate, betas=(beta1, beta2), eps=epsilon)
        for _ in range(steps):
            self.expected.grad = read_floats(stream, count)
            optimizer.step()
        self.result = read_floats(stream, count)

    def check(self, test):
        check_norm(test, "change", self.result - self.before, self.expected.detach() - self.before, ADAM_ALLOWED)


def check_norm(test, what, got, expected, allowed=ALLOWED):
    distance, norm = float((got - expected).norm()), float(expected.norm())
    # Written this way round, NaN fails.
    test.assertTrue(distance <= allowed * norm,
                    f"{what}: distance from autograd's {distance:.3g}, allowed {allowed * norm:.3g}, {allowed:g} of the norm")


def run_program():
    """One case after the other; skips the whole test where the back end is missing."""
    with subprocess.Popen([PROGRAM, BACKEND], stdout=subprocess.PIPE) as process:
        kinds = {"chain": Chain, "adam": Adam}
        for line in process.stdout:
            kind, *words = line.decode().split()
            yield kinds[kind](words, process.stdout)
    if process.returncode == SKIPPED:
        raise unittest.SkipTest(f"{BACKEND} does not train here")
    if process.returncode != 0:
        raise RuntimeError(f"{PROGRAM} {BACKEND} ended with {process.returncode}")


class Gradients(unittest.TestCase):
    def test_gradients_are_those_of_autograd(self):
        cases = 0
        for case in run_program():
            with self.subTest(case=case.name, backend=BACKEND):
                case.check(self)
            cases += 1
        print(f"{cases} cases of {BACKEND} against PyTorch {torch.__version__}")
        self.assertGreater(cases, 20)


if __name__ == "__main__":
    result = unittest.main(argv=sys.argv[:1], exit=False).result
    sys.exit(1 if not result.wasSuccessful() else SKIPPED if result.skipped else 0)
