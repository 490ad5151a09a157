"""Networks of one plan, put together as one model: a trunk for all levels where the files share one, else one for each."""
import numpy as np

from .network import LEVELS
from .refusal import Refusal

TOPOLOGIES = {"vgg19": {1: 2, 2: 2, 3: 4, 4: 4}, "vgg16": {1: 2, 2: 2, 3: 3, 4: 3}}


class Model:
    """@encoders: {level: Network}; where @shared, one alone, of the deepest level. @decoders: {level: Network}"""

    def __init__(self, encoders, shared, decoders):
        self.encoders, self.shared, self.decoders = encoders, shared, decoders

    def encoder_of(self, level):
        return next(iter(self.encoders.values())) if self.shared else self.encoders[level]

    def networks(self):
        """(name, network), in the order of a file: level by level, encoder before decoder."""
        for level in LEVELS:
            if level in self.encoders:
                yield "encoder" if self.shared else f"encoder{level}", self.encoders[level]
            if level in self.decoders:
                yield f"decoder{level}", self.decoders[level]

    def tensors(self, dtype):
        """{name: array of @dtype}, in the file's order."""
        made = {}
        for name, network in self.networks():
            for part, layer in network.layers.items():
                made[f"{name}.{part}.weight"] = rounded(network, layer.name, layer.weight, dtype)
                made[f"{name}.{part}.bias"] = rounded(network, layer.name, layer.bias, dtype)
        return made

    def topology(self):
        """The plan's name by the numbers of convolutions; None where it has none, or they do not tell."""
        whole = {}
        for encoder in self.encoders.values():
            whole.update({block: count for block, count in encoder.blocks().items() if block < encoder.level})
        fits = [name for name, plan in TOPOLOGIES.items() if all(plan.get(b) == count for b, count in whole.items())]
        return fits[0] if fits else None

    def final_relu(self):
        return next(iter(self.decoders.values())).final_relu if self.decoders else None


def rounded(network, name, values, dtype):
    with np.errstate(over="ignore"):
        made = values.astype(dtype)
    if not np.isfinite(made).all():
        raise Refusal(f"{network.label}: {name}: holds values beyond what {np.dtype(dtype).name} can; write float32")
    return made


def by_level(networks):
    levels = {}
    for network in networks:
        if network.level in levels:
            raise Refusal(f"{network.label}: is a second {network.role} of level {network.level}, after "
                          f"{levels[network.level].label}; name one of them")
        levels[network.level] = network
    return dict(sorted(levels.items()))


def is_beginning(shallow, deep):
    """Are all of @shallow's layers also @deep's, bit for bit?"""
    return all(part in deep.layers and np.array_equal(layer.weight, deep.layers[part].weight)
               and np.array_equal(layer.bias, deep.layers[part].bias) for part, layer in shallow.layers.items())


def shared_trunk(encoders, decoders):
    """The one encoder that serves all levels, or None: each has its own."""
    deepest = encoders[max(encoders)]
    if all(is_beginning(encoder, deepest) for encoder in encoders.values()):
        return deepest
    if any(encoder.shared for encoder in encoders.values()) or any(level not in encoders for level in decoders):
        return deepest if len(encoders) == 1 else None
    return None


def check_decoder(decoder, encoder):
    """It takes what the encoder gives, and mirrors it."""
    if encoder.level < decoder.level:
        raise Refusal(f"{decoder.label}: is a decoder of level {decoder.level}, but {encoder.label} ends at level "
                      f"{encoder.level}; name its encoder, too")
    first = f"conv{decoder.level}_1"
    have, need = decoder.layers[first].weight.shape[1], encoder.layers[first].weight.shape[0]
    if have != need:
        raise Refusal(f"{decoder.label}: takes {have} channels, {encoder.label} gives {need} at level {decoder.level}; "
                      "they are not made for each other")
    wanted = [part for part in encoder.convolutions() if part <= first]
    if set(decoder.layers) != set(wanted):
        raise Refusal(f"{decoder.label}: has {len(decoder.layers)} convolutions, {encoder.label} has {len(wanted)} up to "
                      f"level {decoder.level}; they are not of one plan")


def check_plan(encoders):
    """All have as many convolutions in a block."""
    plan = {}
    for encoder in encoders.values():
        for block, count in encoder.blocks().items():
            if block < encoder.level and plan.setdefault(block, count) != count:
                raise Refusal(f"{encoder.label}: has {count} convolutions in block {block}, another encoder has "
                              f"{plan[block]}; they are of different plans")


def merge(networks):
    """One Model of all @networks."""
    encoders = by_level([n for n in networks if n.role == "encoder"])
    decoders = by_level([n for n in networks if n.role == "decoder"])
    if not encoders:
        raise Refusal("there is no encoder among the files; decoders alone are no model: name their encoders, too")
    check_plan(encoders)
    trunk = shared_trunk(encoders, decoders)
    if trunk is not None:
        encoders = {trunk.level: trunk}
    for level, decoder in decoders.items():
        if trunk is None and level not in encoders:
            raise Refusal(f"{decoder.label}: is a decoder of level {level}, of which there is no encoder; name it, too")
        check_decoder(decoder, trunk or encoders[level])
    if len({decoder.final_relu for decoder in decoders.values()}) > 1:
        raise Refusal("some decoders end in ReLU and some do not; a model's are all alike")
    return Model(encoders, trunk is not None, decoders)
