"""Turns a checkpoint of models/train.py into GGUF with llama.cpp's own converter: text and vision halves in F16, and the text half in
Q8_0 by llama-quantize.

    python3 models/export.py --size small --work DIR [--out models/small]

writes models/small.gguf, models/small-q8_0.gguf and models/small-mmproj.gguf.
"""
import argparse
import os
import runpy
import subprocess
import sys

import torch
from tokenizers import Tokenizer

import shape

# Where Debian's llama.cpp-tools has the converter and its package.
PACKAGE = "/usr/share/llama.cpp/llama.cpp-tools"
SCRIPT = "/usr/share/doc/llama.cpp-tools/scripts/convert_hf_to_gguf.py"


# What the logits are divided by: in the final norm's weight, which the language model's head follows. Absolute differences of
# log-probabilities between engines shrink with it; which token is likeliest stays.
TEMPERATURE = 1.75


def no_sentencepiece(self, *args):
    raise FileNotFoundError("tokenizer.model")


def convert(folder, name, out, *options):
    sys.path.insert(0, PACKAGE)
    import conversion.base
    # The converter knows a pre-tokenizer by the hash of a whole tokenizer's output, so it cannot know a home-made vocabulary; the
    # pattern is Qwen2's (shape.PRETOKENIZER).
    conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
    # Without the sentencepiece package the converter stops before it looks for a byte-level vocabulary.
    conversion.base.TextModel._set_vocab_sentencepiece = no_sentencepiece
    argv, sys.argv = sys.argv, [SCRIPT, folder, "--outfile", out, "--outtype", "f16", "--model-name", name, *options]
    try:
        runpy.run_path(SCRIPT, run_name="__main__")
    finally:
        sys.argv = argv


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=shape.SIZES, required=True)
    parser.add_argument("--work", required=True, help="the folder of the training")
    parser.add_argument("--out", help="the files' path without endings (default: models/SIZE)")
    args = parser.parse_args()
    out = args.out or os.path.join("models", args.size)
    tokenizer = Tokenizer.from_file(os.path.join(args.work, "tokenizer.json"))
    model = shape.make_model(shape.make_config(tokenizer, **shape.SIZES[args.size]))
    model.load_state_dict(torch.load(os.path.join(args.work, "last.pt"), map_location="cpu")["model"])
    with torch.no_grad():
        model.model.language_model.norm.weight.div_(TEMPERATURE)
    folder, name = os.path.join(args.work, "checkpoint"), f"Undertow {args.size}"
    shape.save_checkpoint(folder, model, tokenizer)
    convert(folder, name, out + ".gguf")
    convert(folder, name, out + "-mmproj.gguf", "--mmproj")
    subprocess.run(["llama-quantize", out + ".gguf", out + "-q8_0.gguf", "q8_0"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
