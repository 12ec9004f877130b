"""Accuracy of the two GGUF files on the generator's scenes, in Transformers, by plain inference: one line a category.

    python3 models/evaluate.py --undertow build/cli/undertow --work DIR [--split test] [--count 100] [--model models/small]
"""
import argparse
import collections
import json
import os
import subprocess

import numpy as np
import torch
from PIL import Image

import reference
import shape


def export(args, task):
    folder = os.path.join(args.work, f"{args.split}-{task}")
    subprocess.run([args.undertow, "scenes", "--export", folder, "--task", task, "--split", args.split, "--count", str(args.count)],
                   check=True, stdout=subprocess.DEVNULL)
    return folder


def presence_items(folder):
    """(category, image, prompt, options, answer) of POPE's three files."""
    for category in ("random", "popular", "adversarial"):
        for line in open(os.path.join(folder, f"scenes_pope_{category}.json")):
            row = json.loads(line)
            yield (category, os.path.join(folder, row["image"]), shape.prompt_presence(row["text"]), ["Yes", "No"],
                   0 if row["label"] == "yes" else 1)


def perception_items(folder):
    """The same of SEED-Bench's one file."""
    benchmark = json.load(open(os.path.join(folder, "SEED-Bench.json")))
    names = {number: name for name, number in benchmark["question_type"].items()}
    for row in benchmark["questions"]:
        options = [row[f"choice_{letter}"] for letter in "abcd"]
        yield (names[row["question_type_id"]], os.path.join(folder, "SEED-Bench-image", row["data_id"]),
               shape.prompt_mcq(row["question"], options), options, "ABCD".index(row["answer"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--undertow", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--model", default="models/small")
    args = parser.parse_args()
    torch.set_num_threads(1)
    scorer = reference.Scorer(*reference.load(args.model + ".gguf", args.model + "-mmproj.gguf"))
    right, yes = collections.defaultdict(list), collections.defaultdict(list)
    for items in (presence_items(export(args, "presence")), perception_items(export(args, "perception"))):
        for category, image, prompt, options, answer in items:
            scores, _ = scorer.score(np.array(Image.open(image).convert("RGB")), prompt, options)
            chosen = int(np.argmax([s for s, _ in scores]))
            right[category].append(chosen == answer)
            yes[category].append(chosen == 0)
    for category, hits in right.items():
        note = f" yes-rate {np.mean(yes[category]):.3f}" if category in ("random", "popular", "adversarial") else ""
        print(f"{args.split} {category} accuracy {np.mean(hits):.3f} of {len(hits)}{note}")


if __name__ == "__main__":
    main()
