#!/usr/bin/env python3
"""What Transformers computes with a bundled model's weights, for the engine to be held against.

    ./dev reference python3 tests/oracle/parity.py UNDERTOW SIZE [FIRST] > tests/oracle/parity-SIZE.json

UNDERTOW is the program, which draws the scenes. The weights are read from models/SIZE*.gguf, so they are the same F16-rounded ones,
and computed with in float32. Items are 40 of each bundled benchmark, spread over the questions of the 20 images from the FIRST on
(default 0), which is so many of each category. Each has its benchmark (`task`), its place in that (`index`), and

    logprob       sums of log-probabilities over every option's text and the turn's closing tokens
    logprob_text  the same over the text alone

of every fourth also

    logprob_letter    sums over every option's letter as the answer (of Yes and No, the word)
    logprob_no_image  logprob with no image in the prompt
    ctx               the last prompt token's state after the last decoder layer, before the final norm

of every twentieth

    states        what else is read of the model (models/reference.py, Scorer.states), a list of vectors one after the other
    structure     what is measured of its vision tokens when the images are rolled to the right by ROLL pixels, by the formulas in
                  metric.py and bands.py; what is no number is left out

and the checksum of its images' RGB bytes, so that another picture is not taken for another model.

Of the small model also `interleaved`, questions on two images that stand where the text names them: what the item is changed to (`question`,
`options`), the prompt without its images, where they stand in it (`places`, [byte, image]), and the same sums.
"""
import base64
import contextlib
import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image

import bands
import metric

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "models"))
# Transformers prints remarks of its own on standard output, where our result goes.
with contextlib.redirect_stdout(sys.stderr):
    import reference  # noqa: E402
    import shape  # noqa: E402

N_IMAGES, N_ITEMS, N_INTERLEAVED, ROLL = 20, 40, 8, 8


def presence(folder):
    """(images' PNG files, prompt, options) in the benchmark's order: image by image, of each the splits one after the other."""
    splits = [[json.loads(line) for line in open(os.path.join(folder, f"scenes_pope_{split}.json"))]
              for split in ("random", "popular", "adversarial")]
    for image in dict.fromkeys(line["image"] for line in splits[0]):
        png = open(os.path.join(folder, image), "rb").read()
        for split in splits:
            for line in split:
                if line["image"] == image:
                    yield [png], shape.prompt_presence(line["text"]), ["Yes", "No"]


def multiple_choice(folder):
    """The same of VLMEvalKit's table, in which questions on the same images share the cell of the first."""
    csv.field_size_limit(2 ** 30)
    cells = {}
    for row in csv.DictReader(open(os.path.join(folder, "scenes.tsv")), delimiter="\t"):
        cell = cells[row["index"]] = cells.get(row["image"], row["image"])
        pngs = [base64.b64decode(part.strip(" '")) for part in cell.strip("[]").split(",")]
        options = [row[letter] for letter in "ABCD"]
        question = row["question"].removeprefix("<image 1> <image 2> ")
        yield pngs, shape.prompt_mcq(question, options), options


NAMED = re.compile("<image ([12])>")


def placed(question, options):
    """In turn another question, its options, and the user's turn with the name of an image wherever one stands."""
    first = f"{question} One is <image 1>, the other <image 2>."
    swapped = f"Of <image 2> and <image 1>: {question}"
    second = f"{question} The other is <image 2>."
    images = ["<image 2>", "<image 1>", *options[2:]]
    yield first, options, shape.prompt_mcq(first, options)
    yield swapped, options, shape.prompt_mcq(swapped, options)
    yield "<image 1> " + second, options, "<image 1>" + shape.prompt_mcq(second, options)
    yield question, images, shape.prompt_mcq(question, images)


@torch.no_grad()
def score_placed(scorer, images, turn, texts):
    """Sums of log-probabilities over every text with and without the closing tokens."""
    order = [int(k) - 1 for k in NAMED.findall(turn)]
    patches, grids = zip(*(reference.pixel_patches(images[k], scorer.patch) for k in order))
    pads = {k: "<|image_pad|>" * (int(grid.prod()) // shape.MERGE ** 2) for k, grid in zip(order, grids)}
    seen = dict(pixel_values=torch.cat(patches), image_grid_thw=torch.cat(grids))
    user = NAMED.sub(lambda name: f"<|vision_start|>{pads[int(name[1]) - 1]}<|vision_end|>", turn)
    head = shape.USER + user + shape.TURN
    start, n_closing = len(scorer.ids(head)), len(scorer.ids(shape.CLOSING))
    for text in texts:
        ids = torch.tensor([scorer.ids(head + text + shape.CLOSING)])
        logs = scorer.run(ids, seen).logits[0].double().log_softmax(-1)[start - 1:-1].gather(1, ids[0, start:, None])[:, 0]
        yield float(logs.sum()), float(logs[:-n_closing].sum())


def interleaved_items(items, scorer):
    pairs = [index for index, (pngs, _, _) in enumerate(items) if len(pngs) == 2]
    for number in range(N_INTERLEAVED):
        index = pairs[number * len(pairs) // N_INTERLEAVED]
        pngs, prompt, options = items[index]
        question = prompt.removeprefix("Question: ").partition("\nOptions:\n")[0]
        question, options, turn = list(placed(question, options))[number % 4]
        images = [np.array(Image.open(io.BytesIO(png)).convert("RGB")) for png in pngs]
        scores = list(score_placed(scorer, images, turn, "ABCD"[:len(options)] if NAMED.search("".join(options)) else options))
        texts = NAMED.split(turn)  # text, number, text, …
        places = [[len("".join(texts[:2 * k + 1:2]).encode()), int(name) - 1] for k, name in enumerate(texts[1::2])]
        # What stands at the beginning in order needs no place.
        yield dict(index=index, question=question, options=options, prompt="".join(texts[::2]),
                   places=[place for place in places if place[0] > 0],
                   logprob=rounded(s for s, _ in scores), logprob_text=rounded(s for _, s in scores))


def rounded(values):
    return [float(f"{v:.9g}") for v in values]


def states_of(scorer, images, prompt, options):
    found = scorer.states(images, prompt, options)
    flat = lambda value: [float(f"{v:.6g}") for v in (torch.cat(value) if isinstance(value, list) else value).tolist()]
    return {name: value if name == "text" else flat(value) for name, value in found.items()}


def structure_of(scorer, images):
    clean, rolled = scorer.tokens(images), scorer.tokens([np.roll(image, ROLL, axis=1) for image in images])
    flat = [np.concatenate([z.reshape(-1, z.shape[-1]) for z in fields]) for fields in (clean, rolled)]
    drift = float(np.mean([metric.cosine_distance(a, b) for a, b in zip(*flat)]))
    before, after, sensitivity, coherence, chi = bands.token_bands([(a[0], b[0]) for a, b in zip(clean, rolled)])
    found = dict(dirichlet=metric.dirichlet_energy(rolled), dirichlet_rayleigh=metric.rayleigh(rolled), token_drift=drift,
                 cross_coherence_change=chi[1] - chi[0])
    for prefix, values in ("token_change", after / before - 1), ("sensitivity", sensitivity), ("coherence", coherence):
        found |= {f"{prefix}_{band}": value for band, value in zip(("low", "middle", "high"), values)}
    return {name: float(f"{float(value):.9g}") for name, value in found.items() if not np.isnan(value)}


def reference_items(task, items, scorer, first):
    for number in range(N_ITEMS):
        part = len(items) // N_ITEMS
        index = number * part + number % part
        pngs, prompt, options = items[index]
        images = [np.array(Image.open(io.BytesIO(png)).convert("RGB")) for png in pngs]
        scores, ctx = scorer.score(images, prompt, options)
        item = dict(task=task, index=first * len(items) // N_IMAGES + index, prompt=prompt,
                    pixels_sha256=hashlib.sha256(b"".join(i.tobytes() for i in images)).hexdigest(),
                    logprob=rounded(s for s, _ in scores), logprob_text=rounded(s for _, s in scores))
        if number % 4 == 0:
            letters = options if task == "presence" else "ABCD"[:len(options)]
            item["logprob_letter"] = rounded(s for _, s in scorer.score(images, prompt, letters)[0])
            item["logprob_no_image"] = rounded(s for s, _ in scorer.score([], prompt, options)[0])
            item["ctx"] = rounded(ctx.tolist())
        if number % 20 == 8:
            item["states"] = states_of(scorer, images, prompt, options)
            item["structure"] = structure_of(scorer, images)
        yield item


def main():
    torch.set_num_threads(1)
    undertow, size, first = sys.argv[1], sys.argv[2], int((sys.argv[3:] or ["0"])[0])
    model = os.path.join(ROOT, "models", size)
    scorer = reference.Scorer(*reference.load(model + ".gguf", model + "-mmproj.gguf"))
    found, interleaved = [], []
    for task, format, read in (("presence", "pope", presence), ("perception", "vlmevalkit", multiple_choice), ("reasoning", "vlmevalkit", multiple_choice)):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([undertow, "scenes", "--export", folder, "--task", task, "--format", format, "--count", str(first + N_IMAGES)],
                           check=True, stdout=subprocess.DEVNULL)
            items = list(read(folder))
            found += reference_items(task, items[first * len(items) // (first + N_IMAGES):], scorer, first)
            if (task, size, first) == ("reasoning", "small", 0):
                interleaved += interleaved_items(items, scorer)
    lines = lambda items: ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)
    print(f"{{\"items\": [\n{lines(found)}\n], \"interleaved\": [\n{lines(interleaved)}\n]}}")


if __name__ == "__main__":
    main()
