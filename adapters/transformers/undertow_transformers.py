#!/usr/bin/env python3
"""Any vision-language model of Transformers, for `undertow run --engine exec` (README.md)."""
import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import AutoModelForImageTextToText, AutoProcessor

import protocol
from evaluator import Evaluator
from prompts import Prompts

GIVES = ["logprob_text", "logprob_label", "n_tokens", "no_image", "ctx", "ctx_normed", "options", "options_normed", "layers", "text", "greedy",
         "greedy_normed"]
NUMBERS = ("logprob", "logprob_text", "logprob_label", "n_tokens", "scores", "text", "grids")  # the rest are arrays
TOLERANCE = {torch.float32: 2e-3}  # nats, between shared and whole evaluation; of narrower types 1


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True,
                        help="a folder with weights and processor as the hub has them, or a name on the hub that is in the cache")
    parser.add_argument("--download", action="store_true", help="fetch what the cache lacks")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu",
                        help="a device of PyTorch's; default cuda where there is one")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16", "auto"],
                        help="of weights and arithmetic; default float32 on the CPU, else the checkpoint's")
    parser.add_argument("--attention", default="sdpa", help="sdpa, eager, or another that Transformers knows")
    parser.add_argument("--batch", type=int, default=16, help="answers to one question that are evaluated at once, at most")
    parser.add_argument("--whole", action="store_true",
                        help="evaluate each answer with all that stands before it: slow, and what shared evaluation is held against")
    parser.add_argument("--threads", type=int, help="of the CPU")
    parser.add_argument("--chat-template", type=Path, help="a file, for a processor without one")
    parser.add_argument("--processor", action="append", default=[], metavar="KEY=VALUE",
                        help="a setting of the processor, such as use_fast=false; may be repeated")
    return parser.parse_args(argv)


def settings(pairs):
    """The values are JSON, or else strings."""
    found = {}
    for key, value in (pair.split("=", 1) for pair in pairs):
        try:
            found[key] = json.loads(value)
        except json.JSONDecodeError:
            found[key] = value
    return found


def find_folder(args):
    if Path(args.model).is_dir():
        return Path(args.model)
    from huggingface_hub import snapshot_download
    return Path(snapshot_download(args.model, local_files_only=not args.download))


def digest(folder):
    """Of the weights and of whatever else is read beside them."""
    sums = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.suffix in (".safetensors", ".bin", ".json", ".jinja", ".txt", ".model")):
        with open(path, "rb") as file:
            sums.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return sums.hexdigest()


def load(args, folder):
    torch.backends.cudnn.allow_tf32 = False
    transformers.utils.logging.disable_progress_bar()
    if args.threads:
        torch.set_num_threads(args.threads)
    dtype = args.dtype or ("float32" if torch.device(args.device).type == "cpu" else "auto")
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True, **settings(args.processor))
    if args.chat_template:
        processor.chat_template = args.chat_template.read_text()
    model = AutoModelForImageTextToText.from_pretrained(folder, local_files_only=True, dtype=dtype, attn_implementation=args.attention)
    return model.eval().to(args.device), processor


def probe(evaluator):
    """A question on a picture of nothing, to see what works."""
    picture = np.fromfunction(lambda y, x, c: (c + 1) * (x + 2 * y) % 256, (224, 336, 3)).astype(np.uint8)
    evaluator.begin([picture], False)
    return evaluator.answer({"parts": [{"image": 0}, {"text": "What is this?"}], "options": ["A stone", "no"]}, 0)


def check_sharing(evaluator):
    """Whether evaluation behind a shared prefix gives what evaluation in one pass gives; a model for which it does not goes the long way."""
    if not evaluator.share:
        return
    evaluator.share = False
    whole = probe(evaluator)
    evaluator.share = True
    try:
        shared = probe(evaluator)
        apart = max(abs(a["logprob"] - b["logprob"]) for a, b in zip(shared["scores"], whole["scores"]))
        fault = f"log-probabilities are {apart:.1e} apart" if not apart <= TOLERANCE.get(evaluator.model.dtype, 1) else None
    except Exception as error:
        fault = repr(error)
    if fault is not None:
        print(f"note: this model cannot share what stands before an answer ({fault}); each is evaluated whole", file=sys.stderr)
        evaluator.share = False


def find_vision(evaluator):
    """The names under which vision is given."""
    try:
        probe(evaluator)
        seen = evaluator.see()
        return [name for name in ("vision", "vision_layers") if seen[name] is not None]
    except ValueError as error:
        print(f"note: vision tokens are not measured: {error}", file=sys.stderr)
        return []


def hello(args, folder, evaluator):
    model = evaluator.model
    check_sharing(evaluator)
    n_embd = probe(evaluator)["ctx"].shape[0]
    identity = {"weights sha256": digest(folder), "dtype": str(model.dtype).removeprefix("torch."), "attention": args.attention,
                "evaluation": f"shared, {args.batch} at once" if evaluator.share else "whole",
                "processor": " ".join(args.processor) or "its own"}
    if args.chat_template:
        identity["chat template sha256"] = hashlib.sha256(args.chat_template.read_bytes()).hexdigest()
    device = torch.device(args.device)
    return protocol.Message(type="hello", protocol="undertow-exec", version=protocol.VERSION, model=f"{model.config.model_type} {Path(args.model).resolve().name}",
                            versions=f"transformers {transformers.__version__}, torch {torch.__version__}",
                            device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
                            n_embd=n_embd, gives=GIVES + find_vision(evaluator), identity=identity)


def packed(message, found):
    return {name: value if name in NUMBERS else message.array(value) for name, value in found.items()}


def answer(evaluator, request, images, gives):
    message = protocol.Message(type="answer", id=request["id"])
    evaluator.begin(images, request["layers"])
    message.members["answers"] = [packed(message, evaluator.answer(query, request["generate"])) for query in request["queries"]]
    if images and "vision" in gives:
        seen = evaluator.see()
        wanted = ["vision", "grids"] + ["vision_layers"] * (request["layers"] and "vision_layers" in gives)
        message.members |= packed(message, {name: seen[name] for name in wanted})
    return message


def main():
    args = parse(sys.argv[1:])
    streams = protocol.Streams()
    folder = find_folder(args)
    model, processor = load(args, folder)
    evaluator = Evaluator(model, processor, Prompts(processor), args.batch, not args.whole)
    greeting = hello(args, folder, evaluator)
    streams.send(greeting)
    for request, images in streams:
        try:
            message = answer(evaluator, request, images, greeting.members["gives"])
        except Exception as error:
            message = protocol.Message(type="error", id=request["id"], message=f"{type(error).__name__}: {error}")
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        streams.send(message)


if __name__ == "__main__":
    main()
