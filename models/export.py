"""Converts a checkpoint folder to GGUF with llama.cpp's own converter, text and vision halves, in F16."""
import runpy
import sys

# Where Debian's llama.cpp-tools has the converter and its package.
PACKAGE = "/usr/share/llama.cpp/llama.cpp-tools"
SCRIPT = "/usr/share/doc/llama.cpp-tools/scripts/convert_hf_to_gguf.py"


def no_sentencepiece(self, *args):
    raise FileNotFoundError("tokenizer.model")


def convert(folder, out, mmproj):
    sys.path.insert(0, PACKAGE)
    import conversion.base
    # The converter knows a pre-tokenizer by the hash of a whole tokenizer's output, so it cannot know a home-made vocabulary; the
    # pattern is Qwen2's (shape.PRETOKENIZER).
    for cls in (conversion.base.ModelBase, conversion.base.TextModel):
        cls.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
    # Without the sentencepiece package the converter stops before it looks for a byte-level vocabulary.
    conversion.base.TextModel._set_vocab_sentencepiece = no_sentencepiece
    argv, sys.argv = sys.argv, [SCRIPT, folder, "--outfile", out, "--outtype", "f16"] + (["--mmproj"] if mmproj else [])
    try:
        runpy.run_path(SCRIPT, run_name="__main__")
    finally:
        sys.argv = argv


if __name__ == "__main__":
    convert(sys.argv[1], sys.argv[2], False)
    convert(sys.argv[1], sys.argv[3], True)
