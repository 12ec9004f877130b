"""Turns a checkpoint of models/train.py into GGUF with llama.cpp's own converter: text and vision halves, in F16.

    python3 models/export.py --work DIR [--checkpoint last.pt] [--out models/small]

writes models/small.gguf and models/small-mmproj.gguf.
"""
import argparse
import os
import runpy
import sys

import torch
from tokenizers import Tokenizer

import shape

# Where Debian's llama.cpp-tools has the converter and its package.
PACKAGE = "/usr/share/llama.cpp/llama.cpp-tools"
SCRIPT = "/usr/share/doc/llama.cpp-tools/scripts/convert_hf_to_gguf.py"


def no_sentencepiece(self, *args):
    raise FileNotFoundError("tokenizer.model")


def convert(folder, out, *options):
    sys.path.insert(0, PACKAGE)
    import conversion.base
    # The converter knows a pre-tokenizer by the hash of a whole tokenizer's output, so it cannot know a home-made vocabulary; the
    # pattern is Qwen2's (shape.PRETOKENIZER).
    conversion.base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
    # Without the sentencepiece package the converter stops before it looks for a byte-level vocabulary.
    conversion.base.TextModel._set_vocab_sentencepiece = no_sentencepiece
    argv, sys.argv = sys.argv, [SCRIPT, folder, "--outfile", out, "--outtype", "f16", "--model-name", "Undertow small", *options]
    try:
        runpy.run_path(SCRIPT, run_name="__main__")
    finally:
        sys.argv = argv


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("--checkpoint", default="last.pt")
    parser.add_argument("--out", default="models/small")
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(os.path.join(args.work, "tokenizer.json"))
    model = shape.make_model(shape.make_config(shape.padded(tokenizer), tokenizer))
    model.load_state_dict(torch.load(os.path.join(args.work, args.checkpoint))["model"])
    folder = os.path.join(args.work, "checkpoint")
    shape.save_checkpoint(folder, model, tokenizer)
    convert(folder, args.out + ".gguf")
    convert(folder, args.out + "-mmproj.gguf", "--mmproj")


if __name__ == "__main__":
    main()
