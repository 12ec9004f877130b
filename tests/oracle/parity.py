#!/usr/bin/env python3
"""What Transformers computes with the bundled model's weights, for the engine to be held against.

    ./dev reference python3 tests/oracle/parity.py UNDERTOW > tests/oracle/parity.json

UNDERTOW is the program, which draws the scenes. The weights are read from models/small*.gguf, so they are the same F16-rounded ones,
and computed with in float32. Items are those of the bundled benchmarks, by id: of the first 20 scenes of each, the two random presence
questions, and two perception questions (colour and relation, or shape and count, in turn). Each has

    logprob       sums of log-probabilities over every option's text and the turn's closing tokens
    logprob_text  the same over the text alone
    ctx           the last prompt token's state after the last decoder layer, before the final norm

and the checksum of its image's RGB bytes, so that another picture is not taken for another model.
"""
import contextlib
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "models"))
# Transformers prints remarks of its own on standard output, where our result goes.
with contextlib.redirect_stdout(sys.stderr):
    import reference  # noqa: E402
    import shape  # noqa: E402

N_SCENES = 20


def presence(folder):
    """(id, image, prompt, options): the first two lines of each image are the bundled benchmark's random-1 (yes) and random-2 (no)."""
    lines = [json.loads(line) for line in open(os.path.join(folder, "scenes_pope_random.json"))]
    for image in dict.fromkeys(line["image"] for line in lines):
        first = [line for line in lines if line["image"] == image][:2]
        for number, line in enumerate(first, 1):
            yield f"presence/{image[:-4]}/random-{number}", image, shape.prompt_presence(line["text"]), ["Yes", "No"]


def perception(folder):
    rows = list(csv.DictReader(open(os.path.join(folder, "scenes_perception.csv"))))
    for number, image in enumerate(dict.fromkeys(row["image"] for row in rows)):
        wanted = ("colour", "relation") if number % 2 == 0 else ("shape", "count")
        for row in rows:
            if row["image"] == image and row["category"] in wanted:
                options = [row[letter] for letter in "ABCD"]
                yield row["id"], image, shape.prompt_mcq(row["question"], options), options


def rounded(values):
    return [float(f"{v:.9g}") for v in values]


def main():
    torch.set_num_threads(1)
    model = os.path.join(ROOT, "models", "small")
    scorer = reference.Scorer(*reference.load(model + ".gguf", model + "-mmproj.gguf"))
    items = []
    for task, items_of in (("presence", presence), ("perception", perception)):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.argv[1], "scenes", "--export", folder, "--task", task, "--count", str(N_SCENES)], check=True,
                           stdout=subprocess.DEVNULL)
            for name, image, prompt, options in items_of(folder):
                pixels = np.array(Image.open(os.path.join(folder, image)).convert("RGB"))
                scores, ctx = scorer.score([pixels], prompt, options)
                items.append(dict(id=name, pixels_sha256=hashlib.sha256(pixels.tobytes()).hexdigest(), prompt=prompt, options=options,
                                  logprob=rounded(s for s, _ in scores), logprob_text=rounded(s for _, s in scores),
                                  ctx=rounded(ctx.tolist())))
    print("{\"items\": [")
    print(",\n".join(json.dumps(item, separators=(",", ":")) for item in items))
    print("]}")


if __name__ == "__main__":
    main()
