#!/usr/bin/env python3
"""Makes the corpus of malformed models: one fault in each file, and the sentence that must name it.

  make_malformed.py FOLDER            writes it: *.safetensors and EXPECTED.tsv (file, tab, sentence; "loads": no fault)
  make_malformed.py --check FOLDER    fails where it differs from what would be written

Every fuzzing run starts from these files too, so a few sound ones are among them.
"""
import json
import pathlib
import struct
import sys

from safetensors_file import assemble, encode, layout

MODEL = {"format": "wct", "version": "1", "topology": "vgg19"}
DAMAGED = "this is no safetensors file, or it is damaged"
OTHER = "was it exported from another model?"
MISSING = "is missing; the file is incomplete or of another model"
CASES = {}


# ---- Sound models ------------------------------------------------------------------------------------------------

def numbers(count, start):
    """Some values that every type holds exactly."""
    return [((start + 7 * i) % 33 - 16) / 32 for i in range(count)]


def conv(tensors, name, in_c, out_c, side=3):
    tensors[name + ".weight"] = ((out_c, in_c, side, side), numbers(out_c * in_c * side * side, len(tensors)))
    tensors[name + ".bias"] = ((out_c,), numbers(out_c, len(tensors)))


def chain(*convs):
    tensors = {}
    for name, in_c, out_c, *side in convs:
        conv(tensors, name, in_c, out_c, *side)
    return tensors


def level_1(trunk="encoder"):
    return chain((f"{trunk}.conv1_1", 3, 2), ("decoder1.conv1_1", 2, 3))


def level_2(trunk="encoder"):
    return chain((f"{trunk}.conv1_1", 3, 2), (f"{trunk}.conv1_2", 2, 2), (f"{trunk}.conv2_1", 2, 4),
                 ("decoder2.conv2_1", 4, 2), ("decoder2.conv1_2", 2, 2), ("decoder2.conv1_1", 2, 3))


def level_3_trunk():
    return chain(("encoder.conv1_1", 3, 1), ("encoder.conv1_2", 1, 1), ("encoder.conv2_1", 1, 1),
                 ("encoder.conv2_2", 1, 1), ("encoder.conv3_1", 1, 1))


# ---- One fault each ----------------------------------------------------------------------------------------------

def case(name, data, sentence):
    assert name not in CASES and len(data) < 4096, name
    CASES[name + ".safetensors"] = (data, sentence)


def model(tensors, metadata=MODEL, dtype="F32"):
    entries, data = layout(tensors, dtype)
    return assemble({"__metadata__": metadata, **entries}, data)


def with_header(change, tensors=None):
    """A sound model, its header (a dict) changed."""
    entries, data = layout(tensors or level_1())
    header = {"__metadata__": dict(MODEL), **entries}
    header = change(header) or header
    return assemble(header, data)


def with_text(old, new, tensors=None):
    """A sound model, some text of its header changed."""
    entries, data = layout(tensors or level_1())
    text = json.dumps({"__metadata__": MODEL, **entries}, separators=(",", ":")).encode()
    assert old in text
    return assemble(text.replace(old, new, 1), data)


def with_field(name, field, value):
    return with_header(lambda header: header[name].update({field: value}))


def with_tensors(change, tensors=None):
    tensors = tensors or level_1()
    return model(change(tensors) or tensors)


def without(name, tensors):
    return model({key: value for key, value in tensors.items() if key != name})


def with_values(name, index, value, dtype="F32"):
    tensors = level_1()
    tensors[name][1][index] = value
    return model(tensors, dtype=dtype)


def renamed(old, new, tensors=None):
    return model({new if key == old else key: value for key, value in (tensors or level_1()).items()})


def reshaped(name, shape, tensors=None):
    """The shape in the header and as many values as it needs."""
    def change(all_tensors):
        count = 1
        for side in shape:
            count *= side
        all_tensors[name] = (tuple(shape), numbers(count, 1))
    return with_tensors(change, tensors)


SOUND = model(level_1())
WEIGHT, BIAS = "encoder.conv1_1.weight", "encoder.conv1_1.bias"


def sound_files():
    case("sound-level-1", SOUND, "loads")
    case("sound-f16", model(level_1(), dtype="F16"), "loads")
    case("sound-bf16", model(level_1(), dtype="BF16"), "loads")
    case("sound-own-trunk", model({**level_2("encoder2"), **chain(("encoder2.conv0", 3, 3, 1),
                                                                   ("encoder2.conv2_1_aux", 4, 5, 1))},
                                  {**MODEL, "decoder_final_relu": "true"}), "loads")
    case("sound-encoder", model(level_3_trunk(), {**MODEL, "topology": "vgg16"}), "loads")


def header_length():
    case("empty", b"", "has 0 bytes; this is no safetensors file")
    case("seven-bytes", SOUND[:7], "has 7 bytes; this is no safetensors file")
    case("length-only", struct.pack("<Q", 0),
         "the header does not begin with {; this is no safetensors file")
    case("length-beyond-file", struct.pack("<Q", len(SOUND)) + SOUND[8:],
         f"says its header has {len(SOUND)} bytes, but only {len(SOUND) - 8} follow; this is no safetensors file, or it "
         "was cut short")
    case("length-largest", struct.pack("<Q", 2**64 - 1) + SOUND[8:],
         f"says its header has {2**64 - 1} bytes, but only {len(SOUND) - 8} follow; this is no safetensors file, or it "
         "was cut short")
    case("length-one-short", struct.pack("<Q", len(SOUND[8:].split(b"}}")[0]) + 1) + SOUND[8:],
         "the header ends in the middle of a word or list")
    case("text-file", b"This is a text and no model at all, whatever its name says.\n",
         f"says its header has {struct.unpack('<Q', b'This is ')[0]} bytes, but only 52 follow; this is no safetensors "
         "file, or it was cut short")


def header_text():
    case("list-for-header", assemble(b"[1,2,3]", b""), "the header does not begin with {; this is no safetensors file")
    case("space-before-header", assemble(b" {}", b""), "the header does not begin with {; this is no safetensors file")
    case("not-utf8-name", with_text(b"encoder.conv1_1.bias", b"encoder.conv1_\xff.bias"),
         "the header is not UTF-8 near byte 162")
    case("not-utf8-metadata", with_text(b"vgg19", b"vgg\xc0\xaf"), "the header is not UTF-8 near byte 60")
    case("lone-surrogate", with_text(b"vgg19", b"\\ud800"), f"the header is not JSON near byte 64; {DAMAGED}")
    case("zero-byte-in-text", with_text(b"vgg19", b"\\u0000"), "the header has a text with a zero byte, near byte 64")
    case("control-character", with_text(b"vgg19", b"vgg\n19"), f"the header is not JSON near byte 60; {DAMAGED}")
    case("quote-missing", with_text(b'"F32"', b'"F32'), "the header ends in the middle of a word or list")
    case("comma-missing", with_text(b'"F32",', b'"F32" '), f"the header is not JSON near byte 112; {DAMAGED}")
    case("comma-at-end", with_text(b"}}", b"},}"), f"the header is not JSON near byte 386; {DAMAGED}")
    case("colon-missing", with_text(b'"__metadata__":', b'"__metadata__" '),
         f"the header is not JSON near byte 16; {DAMAGED}")
    case("bracket-for-brace", with_text(b"]},", b"]],"), f"the header is not JSON near byte 146; {DAMAGED}")
    case("text-after-header", with_text(b"}}", b"}}x"), "the header goes on after its end, at byte 386")
    case("two-headers", with_text(b"}}", b"}}{}"), "the header goes on after its end, at byte 386")
    case("tab-after-header", with_text(b"}}", b"}}\t"), "the header goes on after its end, at byte 386")
    case("name-not-ascii", with_text(b"conv1_1.bias", "cönv1_1.bias".encode()),
         "the name of a tensor is not printable ASCII: encoder.cönv1_1.bias")
    case("name-with-newline", with_text(b"conv1_1.bias", b"conv1_1.bias\\n"),
         "the name of a tensor is not printable ASCII: encoder.conv1_1.bias?")
    case("name-too-long", with_text(b"conv1_1.bias", b"conv" + b"1" * 150),
         f"the name of a tensor has 162 bytes, 100 are allowed: …{'1' * 56}")
    case("nested-deep", assemble(b"[" * 400 + b"]" * 400, b""),
         "the header does not begin with {; this is no safetensors file")
    case("nested-deep-in-tensor", with_text(b"[2,3,3,3]", b"[" * 300 + b"]" * 300),
         "the header has a list or object where none belongs, at byte 115")
    case("tensor-of-many-lists", assemble(b'{"a":{"shape":[' + b"1," * 300 + b"1]}}", b""),
         "the header describes a tensor in 617 bytes, at byte 1; 400 do")


def keys():
    case("tensor-twice", with_text(b"decoder1.conv1_1.bias", BIAS.encode()), f"{BIAS}: is in the header twice")
    case("tensor-twice-escaped", with_text(b"decoder1.conv1_1.bias", b"encoder.conv1_1.\\u0062ias"),
         f"{BIAS}: is in the header twice")
    case("field-twice", with_text(b'"shape":[2]', b'"dtype":"F32","shape":[2]'),
         "the header has a key twice, near byte 192")
    case("metadata-twice", with_text(b'"encoder', b'"__metadata__":{},"encoder'),
         "__metadata__ is in the header twice")
    case("metadata-key-twice", with_text(b'"topology"', b'"version":"2","topology"'),
         '__metadata__ has "version" twice')
    case("metadata-number", with_text(b'"version":"1"', b'"version":1'), '__metadata__ "version" is not text')
    case("metadata-object", with_text(b'"version":"1"', b'"version":{"major":"1"}'),
         "the header has a list or object where none belongs, at byte 42")
    case("metadata-list", with_header(lambda header: header.update(__metadata__=["wct", "1"])),
         "__metadata__ is not an object of texts")
    case("metadata-many", with_header(lambda header: header["__metadata__"].update({f"k{i}": "" for i in range(70)})),
         "__metadata__ has more than 64 entries")
    case("field-missing", with_header(lambda header: header[WEIGHT].pop("shape") and None), f"{WEIGHT}: has no shape")
    case("field-unknown", with_field(WEIGHT, "stride", 1), f'{WEIGHT}: has an unknown field "stride"')
    case("tensor-is-number", with_header(lambda header: header.update({WEIGHT: 1})),
         f"{WEIGHT}: is not described by an object")


def types_and_shapes():
    case("type-f64", with_field(WEIGHT, "dtype", "F64"),
         f"{WEIGHT}: its values are F64; F32, F16 and BF16 are known, convert it first")
    case("type-number", with_field(WEIGHT, "dtype", 32), f"{WEIGHT}: its dtype is not text")
    case("shape-text", with_field(WEIGHT, "shape", "2x3x3x3"), f"{WEIGHT}: its shape is not a list")
    case("shape-negative", with_field(WEIGHT, "shape", [-2, 3, 3, 3]),
         f"{WEIGHT}: dimension 1 of its shape is not a whole number from 1 on")
    case("shape-empty", with_field(WEIGHT, "shape", [2, 0, 3, 3]),
         f"{WEIGHT}: dimension 2 of its shape is not a whole number from 1 on")
    case("shape-fraction", with_field(WEIGHT, "shape", [2, 3, 3, 3.0]),
         f"{WEIGHT}: dimension 4 of its shape is not a whole number from 1 on")
    case("shape-five-dimensions", with_field(WEIGHT, "shape", [2, 3, 3, 3, 1]),
         f"{WEIGHT}: has 5 dimensions, up to 4 are allowed")
    case("shape-overflows-count", with_field(WEIGHT, "shape", [2**62, 4, 1, 1]),
         f"{WEIGHT}: its shape has more values than can be counted")
    case("shape-overflows-bytes", with_field(WEIGHT, "shape", [2**62, 1, 1, 1]),
         f"{WEIGHT}: its shape has more values than can be counted")
    case("shape-overflows-json", with_field(WEIGHT, "shape", [2**63, 1, 1, 1]),
         "the header has a number that is too large, near byte 133")
    case("shape-too-large", with_field(WEIGHT, "shape", [2**40, 1, 1, 1]),
         f"{WEIGHT}: its shape needs {2**42} bytes, its data_offsets span 216")
    case("shape-one-more", with_field(BIAS, "shape", [3]),
         f"{BIAS}: its shape needs 12 bytes, its data_offsets span 8")


def offsets():
    last = "decoder1.conv1_1.bias"
    case("cut-short", SOUND[:-1], f"{last}: ends at byte 452 of the data, of which the file has 451; was it cut short?")
    case("cut-in-half", SOUND[:len(SOUND) - 230],
         f"{BIAS}: ends at byte 224 of the data, of which the file has 222; was it cut short?")
    case("trailing-bytes", SOUND + b"more", "4 bytes at its end belong to no tensor")
    case("offsets-three", with_field(BIAS, "data_offsets", [216, 224, 232]),
         f"{BIAS}: its data_offsets are not two whole numbers from 0 on")
    case("offsets-negative", with_field(WEIGHT, "data_offsets", [-8, 208]),
         f"{WEIGHT}: its data_offsets are not two whole numbers from 0 on")
    case("offsets-backward", with_field(BIAS, "data_offsets", [224, 216]),
         f"{BIAS}: its data_offsets run backward, from 224 to 216")
    case("offsets-largest", with_field(BIAS, "data_offsets", [2**63 - 9, 2**63 - 1]),
         f"{BIAS}: ends at byte {2**63 - 1} of the data, of which the file has 452; was it cut short?")
    case("overlap", with_field(BIAS, "data_offsets", [212, 220]), f"{BIAS}: begins 4 bytes before {WEIGHT} ends")
    case("same-place", with_field(last, "data_offsets", [428, 440]),
         f"{last}: begins 12 bytes before decoder1.conv1_1.weight ends")
    case("hole", with_header(hole), "decoder1.conv1_1.bias: 12 bytes before it belong to no tensor")
    case("hole-at-start", with_header(hole_at_start), f"{BIAS}: 216 bytes before it belong to no tensor")


def hole(header):
    header["decoder1.conv1_1.weight"].update(shape=[3, 2, 3], data_offsets=[224, 296])
    header["decoder1.conv1_1.bias"].update(data_offsets=[308, 320])


def hole_at_start(header):
    del header[WEIGHT]


def values():
    case("nan", with_values(WEIGHT, 17, float("nan")), f"{WEIGHT}: value 18 of 54 is not a number; the file is damaged")
    case("infinity", with_values("decoder1.conv1_1.bias", 2, float("-inf")),
         "decoder1.conv1_1.bias: value 3 of 3 is infinite; the file is damaged")
    case("nan-f16", with_values(BIAS, 0, float("nan"), "F16"), f"{BIAS}: value 1 of 2 is not a number; the file is damaged")
    case("infinity-f16", with_values(BIAS, 1, float("inf"), "F16"),
         f"{BIAS}: value 2 of 2 is infinite; the file is damaged")
    case("infinity-bf16", with_values(BIAS, 1, float("inf"), "BF16"),
         f"{BIAS}: value 2 of 2 is infinite; the file is damaged")
    huge = {**level_1(), "encoder.conv0.weight": ((3, 3, 1, 1), [3e38] * 9), "encoder.conv0.bias": ((3,), [0] * 3)}
    huge[WEIGHT] = ((2, 3, 3, 3), [3e38] * 54)
    case("infinite-when-folded", model(huge), "encoder.conv1_1: conv0 makes its weights infinite")


def metadata():
    case("no-metadata", with_header(lambda header: header.pop("__metadata__") and None),
         'its metadata has no format, which is "wct" in a model for wct')
    case("format-missing", model(level_1(), {"version": "1"}),
         'its metadata has no format, which is "wct" in a model for wct')
    case("format-other", model(level_1(), {"format": "pt"}), 'says its format is "pt"; this program knows "wct" only')
    case("version-2", model(level_1(), {**MODEL, "version": "2"}), 'says its version is "2"; this program knows "1" only')
    case("format-with-escapes", model(level_1(), {"format": "\x1b[2J\nwct"}),
         'says its format is "?[2J?wct"; this program knows "wct" only')
    case("final-relu-maybe", model(level_1(), {**MODEL, "decoder_final_relu": "maybe"}),
         'says decoder_final_relu is "maybe"; it may be "true" or "false"')
    case("topology-denied", model(level_2("encoder2") | chain(("encoder2.conv1_3", 2, 2))),
         "says its topology is vgg19, which has 2 convolutions in block 1; the names of its tensors have 3")


def names():
    case("header-empty-object", assemble(b"{}", b""), 'its metadata has no format, which is "wct" in a model for wct')
    case("no-tensors", model({}), "has no encoder; no tensor is called encoder.conv1_1.weight")
    case("no-encoder", model(chain(("decoder1.conv1_1", 2, 3))),
         "has no encoder; no tensor is called encoder.conv1_1.weight")
    case("unknown-tensor", model({**level_1(), "optimizer.step": ((1,), [5])}),
         "optimizer.step: no tensor of a model has this name")
    for index, name in enumerate(["encoder.conv1_9.bias", "encoder.conv6_1.bias", "encoder.conv1_1.gamma",
                                  "decoder.conv1_1.bias", "decoder1.conv0.bias", "decoder1.conv1_1_aux.bias",
                                  "encoder.conv1_2_aux.bias", "encoder.conv1_1.bias2"], 1):
        case(f"unknown-name-{index}", renamed(BIAS, name), f"{name}: no tensor of a model has this name")
    case("two-kinds-of-trunk", model({**level_1(), **chain(("encoder2.conv1_1", 3, 2))}),
         "has a shared trunk (encoder.) and trunks for single levels (encoder1. …); a model has one kind")
    case("weight-missing", without(WEIGHT, level_1()), f"{WEIGHT}: {MISSING}")
    case("bias-missing", without("decoder1.conv1_1.bias", level_1()), f"decoder1.conv1_1.bias: {MISSING}")
    case("middle-missing", model({name: tensor for name, tensor in level_2().items() if "decoder2.conv1_2" not in name}),
         f"decoder2.conv1_2.weight: {MISSING}")
    case("decoder-without-encoder", model({**level_1("encoder1"), **chain(("decoder2.conv2_1", 2, 3))}, {**MODEL, "topology": "own"}),
         "encoder2.conv2_1.weight: is missing; decoder2 has no encoder")
    case("unused-tensor", model({**level_1(), **chain(("encoder.conv1_2", 2, 2))}),
         f"encoder.conv1_2.bias: no level needs it; {OTHER}")
    case("color-without-weight", model({**level_1(), "encoder.conv0.bias": ((3,), [0, 0, 0])}),
         f"encoder.conv0.weight: {MISSING}")
    case("aux-without-weight", model({**level_1(), "encoder.conv1_1_aux.bias": ((4,), [0] * 4)}),
         f"encoder.conv1_1_aux.weight: {MISSING}")
    case("aux-of-nothing", model({**level_1(), **chain(("encoder.conv2_1_aux", 2, 4, 1))}),
         f"encoder.conv2_1.weight: {MISSING}")
    long = chain(*[(f"encoder.conv{b}_{i}", 3 if b == i == 1 else 1, 1) for b in range(1, 5) for i in range(1, 9)][:14])
    case("convolutions-7-missing", model({k: v for k, v in long.items() if "conv1_7" not in k}, {**MODEL, "topology": "own"}),
         f"encoder.conv1_7.weight: {MISSING}")


def shapes_that_do_not_chain():
    needs = "file has {}, network needs {}; " + OTHER
    case("rank-3", reshaped(WEIGHT, [2, 3, 9]), f"{WEIGHT}: " + needs.format("2x3x9", "Nx3x3x3"))
    case("rank-0-bias", reshaped(BIAS, []), f"{BIAS}: " + needs.format("a single value", "2"))
    case("bias-2-dimensions", reshaped(BIAS, [2, 1]), f"{BIAS}: " + needs.format("2x1", "2"))
    case("bias-length", reshaped(BIAS, [3]), f"{BIAS}: " + needs.format("3", "2"))
    case("kernel-5x5", reshaped(WEIGHT, [2, 3, 5, 5]), f"{WEIGHT}: " + needs.format("2x3x5x5", "Nx3x3x3"))
    case("kernel-3x1", reshaped(WEIGHT, [2, 3, 3, 1]), f"{WEIGHT}: " + needs.format("2x3x3x1", "Nx3x3x3"))
    case("encoder-of-gray", reshaped(WEIGHT, [2, 1, 3, 3]), f"{WEIGHT}: " + needs.format("2x1x3x3", "Nx3x3x3"))
    case("encoder-chain", reshaped("encoder.conv1_2.weight", [2, 3, 3, 3], level_2()),
         "encoder.conv1_2.weight: " + needs.format("2x3x3x3", "Nx2x3x3"))
    case("decoder-chain", reshaped("decoder2.conv1_2.weight", [2, 1, 3, 3], level_2()),
         "decoder2.conv1_2.weight: " + needs.format("2x1x3x3", "Nx2x3x3"))
    case("decoder-of-other-encoder", reshaped("decoder2.conv2_1.weight", [2, 3, 3, 3], level_2()),
         "decoder2.conv2_1.weight: " + needs.format("2x3x3x3", "Nx4x3x3"))
    case("decoder-transposed", reshaped("decoder2.conv2_1.weight", [4, 2, 3, 3], level_2()),
         "decoder2.conv2_1.weight: " + needs.format("4x2x3x3", "Nx4x3x3"))
    case("decoder-to-four-channels", reshaped("decoder1.conv1_1.weight", [4, 2, 3, 3]),
         "decoder1.conv1_1.weight: " + needs.format("4x2x3x3", "3x2x3x3"))
    case("color-of-four-channels", model({**level_1(), **chain(("encoder.conv0", 4, 3, 1))}),
         "encoder.conv0.weight: " + needs.format("3x4x1x1", "3x3x1x1"))
    case("color-3x3", model({**level_1(), **chain(("encoder.conv0", 3, 3))}),
         "encoder.conv0.weight: " + needs.format("3x3x3x3", "3x3x1x1"))
    case("aux-shape", model({**level_1(), **chain(("encoder.conv1_1_aux", 3, 4, 1))}),
         "encoder.conv1_1_aux.weight: " + needs.format("4x3x1x1", "Nx2x1x1"))


def corpus():
    for part in (sound_files, header_length, header_text, keys, types_and_shapes, offsets, values, metadata, names,
                 shapes_that_do_not_chain):
        part()
    lines = "".join(f"{name}\t{sentence}\n" for name, (_, sentence) in sorted(CASES.items()))
    return {"EXPECTED.tsv": lines.encode(), **{name: data for name, (data, _) in CASES.items()}}


def check(folder, files):
    differing = [name for name, data in files.items()
                 if not (folder / name).exists() or (folder / name).read_bytes() != data]
    strangers = {p.name for p in folder.iterdir()} - set(files)
    for name in sorted(differing) + sorted(strangers):
        print(f"{folder / name}: is not what make_malformed.py writes; run it again")
    return 1 if differing or strangers else 0


def main():
    files = corpus()
    if sys.argv[1] == "--check":
        return check(pathlib.Path(sys.argv[2]), files)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
