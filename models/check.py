"""Holds the shared forward of training against plain inference in Transformers, on one and on two images, at every size.

    python3 models/check.py

The weights are random, and so are the images. Fails where a log-probability differs by more than 1e-4.
"""
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402

import data  # noqa: E402
import reference  # noqa: E402
import shape  # noqa: E402
import train  # noqa: E402
from forward import Forward  # noqa: E402
from score import score  # noqa: E402


def scene(generator, height, width, partner):
    pixels = lambda: generator.integers(0, 256, (height, width, 3), np.uint8)
    made = dict(height=height, width=width, pixels=pixels(), objects=None, partner=None)
    if partner:
        made["partner"] = dict(made, pixels=pixels())
    return made


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    questions = [dict(category="", question="Is there a star?", options=["Yes", "No"], subject=[]),
                 dict(category="", question="Which of these stands further left?", options=["red circle", "blue", "both of them"], subject=[])]
    tokenizer = shape.make_tokenizer(["user", "assistant", "Question: Is there a circle?"] * 50)
    text, worst = data.Text(tokenizer), 0
    for size in shape.SIZES:
        model = shape.make_model(shape.make_config(tokenizer, **shape.SIZES[size]))
        train.init(model)
        scorer = reference.Scorer(model, tokenizer)
        for images in (1, 2):
            scenes = [scene(generator, 160, 224, images == 2) for _ in range(2)]
            chosen = [[(0, questions[0]), (1, questions[1]), (2, questions[1])]] * 2
            for one, scores in zip(scenes, score(Forward(model), text, scenes, chosen, images)):
                pictures = [one["pixels"]] + ([one["partner"]["pixels"]] if images == 2 else [])
                for (kind, q), ours in zip(chosen[0], scores):
                    plain, _ = scorer.score(pictures, data.prompt_of(kind, q), q["options"])
                    worst = max([worst] + [abs(a - b) for a, (b, _) in zip(ours, plain)])
    print(f"log-probabilities within {worst:.1e}")
    if worst > 1e-4:
        raise SystemExit("the forward of training is not plain inference")


if __name__ == "__main__":
    main()
