"""Accuracy of a model's two GGUF files on scenes that were not trained on, by category, and on easy-VQA's held-out images.

    python3 models/evaluate.py --undertow PROGRAM --work DIR [--model models/small] [--split test] [--count 300] [--easyvqa DIR]

Computed in float32 from the files' F16 weights, options scored as Undertow scores them. Of each scene two questions of each category of
presence and one of every other; chance is a half and a quarter (one in thirteen for easy-VQA).
"""
import argparse
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

import data  # noqa: E402
import reference  # noqa: E402
from forward import Forward  # noqa: E402
from score import accuracies  # noqa: E402

TASKS = dict(presence=data.PRESENCE, perception=data.PERCEPTION, reasoning=[*data.REASONING, data.PAIR])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--undertow", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--model", default="models/small")
    parser.add_argument("--split", default="test")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--easyvqa", help="easy-VQA's folder, for its held-out images")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    torch.set_num_threads(1)
    model, tokenizer = reference.load(args.model + ".gguf", args.model + "-mmproj.gguf")
    forward, text = Forward(model), data.Text(tokenizer)
    scenes = data.read(data.draw(args, args.split, 0, args.count, "evaluate.raw"))
    right = accuracies(forward, text, scenes)
    for task, categories in TASKS.items():
        print(f"{task} {np.mean([np.mean(right[c]) for c in categories]):.3f}: "
              + ", ".join(f"{c} {np.mean(right[c]):.3f} of {len(right[c])}" for c in categories))
    if args.easyvqa:
        hits = accuracies(forward, text, data.read_easyvqa(args.easyvqa)[1], each=5)["easy-VQA"]
        print(f"easy-VQA {np.mean(hits):.3f} of {len(hits)}")


if __name__ == "__main__":
    main()
