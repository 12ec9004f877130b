"""What the models are trained and measured on: rendered scenes, and easy-VQA where its folder is given, as batches of tensors."""
import collections
import json
import os
import random
import subprocess

import numpy as np
import torch

import shape
from shape import CELL, MERGE, PATCH

COLOURS = ["red", "green", "blue", "yellow", "purple", "orange"]
SHAPES = ["circle", "square", "triangle", "star", "cross", "ring"]
TEXTURES = ["plain", "striped", "dotted", "checked"]
TRAIT = {word: (trait, i) for trait, words in (("colour", COLOURS), ("shape", SHAPES), ("texture", TEXTURES)) for i, word in enumerate(words)}
for _word, _value in list(TRAIT.items()):
    if _value[0] == "shape":
        TRAIT[_word + ("es" if _word.endswith("s") else "s")] = _value
NOUNS = {word for word, (trait, _) in TRAIT.items() if trait == "shape"} | {"object", "objects"}
MOST = 7  # objects a name fits, or more
IGNORE = -100

# How often each category is asked, where the scene has questions of it.
PERCEPTION = dict(colour=2, shape=2, texture=3, count=3, size=3, position=2, relation=3)
REASONING = dict(compare=3, left=3)
PAIR = "pair"
PRESENCE = ["random", "popular", "adversarial"]

# An image of fewer cells is enlarged by the engine, and so are easy-VQA's 64×64 ones, to 96×96.
LEAST_CELLS = 8
HELD_OUT = 400  # easy-VQA's last images, for measuring: its own test half is not used


# -------------------------------------------------------------------------------------------------------------- scenes

def draw(args, split, start, count, name):
    """Starts the generator in the background; read() waits for it."""
    path = os.path.join(args.work, name)
    return path, subprocess.Popen([args.undertow, "scenes", "--raw", path, "--split", split, "--from", str(start), "--count", str(count),
                                   "--pairs"])


def discard(drawn):
    drawn[1].wait()
    for suffix in ("", ".jsonl"):
        os.remove(drawn[0] + suffix)


def read(drawn):
    """The scenes; one with questions on two images has its partner with it."""
    path, process = drawn
    if process.wait() != 0:
        raise SystemExit("the generator failed")
    pixels = np.fromfile(path, np.uint8)
    scenes, at = [], 0
    for line in open(path + ".jsonl"):
        scene = json.loads(line)
        n = scene["width"] * scene["height"] * 3
        scene["pixels"] = pixels[at:at + n].reshape(scene["height"], scene["width"], 3)
        scene["partner"] = None
        at += n
        by = collections.defaultdict(list)
        for q in scene["questions"]:
            by[q["category"]].append(q)
        scene["by"] = by
        if "partner_of" not in scene:
            scenes.append(scene)
        elif scenes[-1]["by"][PAIR]:
            scenes[-1]["partner"] = scene
    discard(drawn)
    return scenes


# ------------------------------------------------------------------------------------------------------------ easy-VQA

def enlarge(pixels):
    """An image below the engine's least size, as libmtmd enlarges it: the smallest multiple of the cell in both directions that has
    enough cells, by its own bilinear interpolation (which never reaches the last row and column, and cuts off fractions)."""
    h, w, _ = pixels.shape
    factor = (LEAST_CELLS * CELL * CELL / (h * w)) ** .5
    height, width = (int(-(-side * factor // CELL)) * CELL for side in (h, w))
    y, x = (np.arange(n, dtype=np.float32) * np.float32((side - 1) / n) for n, side in ((height, h), (width, w)))
    y0, x0 = y.astype(int), x.astype(int)
    fy, fx = (y - y0)[:, None, None], (x - x0)[:, None]
    p = pixels.astype(np.float32)
    row = lambda i: p[i][:, x0] + (p[i][:, x0 + 1] - p[i][:, x0]) * fx
    return (row(y0) + (row(y0 + 1) - row(y0)) * fy).astype(np.uint8)


def read_easyvqa(folder):
    """Its training half as two lists of scenes, one held out. Options are its 13 answers in the order of its answers.txt."""
    from PIL import Image
    options = open(os.path.join(folder, "answers.txt")).read().split()
    questions = collections.defaultdict(list)
    for question, answer, image in json.load(open(os.path.join(folder, "train", "questions.json"))):
        questions[image].append(dict(category="easy-VQA", question=question, options=options, answer=options.index(answer), subject=[-1, -1]))
    scenes = []
    for image in sorted(questions):
        pixels = enlarge(np.array(Image.open(os.path.join(folder, "train", "images", f"{image}.png")).convert("RGB")))
        scenes.append(dict(id=str(image), width=pixels.shape[1], height=pixels.shape[0], pixels=pixels, objects=None,
                           by={"easy-VQA": questions[image]}, questions=questions[image], partner=None))
    return scenes[:-HELD_OUT], scenes[-HELD_OUT:]


# ----------------------------------------------------------------------------------------------------------- questions

def prompt_of(kind, q):
    """Kinds are 0 presence, 1 open, 2 multiple choice."""
    if kind == 0:
        return shape.prompt_presence(q["question"])
    return shape.prompt_open(q["question"]) if kind == 1 else shape.prompt_mcq(q["question"], q["options"])


def pick(scene, weights, rng):
    known = [c for c in weights if scene["by"].get(c)]
    return rng.choice(scene["by"][rng.choices(known, [weights[c] for c in known])[0]])


def choose_questions(scene, rng, mcq):
    """A training mix of (kind, question) pairs in groups that are about equally long: short ones and so many of multiple choice, then
    some on two images."""
    by = scene["by"]
    if "easy-VQA" in by:
        questions = [(1 if i < 4 - mcq else 2, rng.choice(by["easy-VQA"])) for i in range(4)]
        return [questions[:4 - mcq]] + ([questions[4 - mcq:]] if mcq else [])
    weights = PERCEPTION | REASONING
    presence = [[q for c in PRESENCE for q in by[c] if q["answer"] == answer] for answer in (0, 1)]
    groups = [[(0, rng.choice(questions)) for questions in presence] + [(1, pick(scene, weights, rng)) for _ in range(5 - mcq)]]
    if mcq:
        groups.append([(2, pick(scene, weights, rng)) for _ in range(mcq)])
    if scene["partner"]:
        groups.append([(1, rng.choice(by[PAIR])) for _ in range(2)])
        if mcq:
            groups.append([(2, rng.choice(by[PAIR])) for _ in range(mcq)])
    return groups


class Text:
    """Token ids of texts and where they name what; cached, as texts come again and again."""

    def __init__(self, tokenizer):
        self.tokenizer, self.cache = tokenizer, {}

    def ids(self, text):
        found = self.cache.get(text)
        if found is None:
            found = self.cache[text] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def goals(self, options, right, wrong):
        """What is to be predicted at each token of the right answer and the closing ones: (place, token, probability). The question's
        other options have the share `wrong` together, as far as they begin like the right one."""
        key = (*options, right, wrong)
        if key not in self.cache:
            ids = [self.ids(option) + self.ids(shape.CLOSING) for option in options]
            others = wrong / max(1, len(options) - 1)
            alive = [(tokens, 1 - wrong if i == right else others) for i, tokens in enumerate(ids)]
            found = []
            for at, token in enumerate(ids[right]):
                shares = collections.Counter()
                for tokens, share in alive:
                    shares[tokens[at]] += share
                total = sum(shares.values())
                found += [(at, other, share / total) for other, share in shares.items() if share > 0]
                alive = [(tokens, share) for tokens, share in alive if tokens[at] == token]
            self.cache[key] = found
        return self.cache[key]

    def mentions(self, prompt):
        """What the question names, in order: (index of the name's last token, which objects it fits). "red circle", "dotted objects"."""
        key = (prompt,)
        if key not in self.cache:
            offsets = self.tokenizer.encode(prompt, add_special_tokens=False).offsets
            found, which, at = [], {}, len("Question: ")
            for word in prompt[at:].partition("\n")[0].split(" "):
                bare = word.rstrip("?,.")
                trait = TRAIT.get(bare)
                if trait:
                    which[trait[0]] = trait[1]
                if bare in NOUNS:
                    found.append((next(i for i, (_, end) in enumerate(offsets) if end >= at + len(bare)), which))
                if not trait or bare in NOUNS:
                    which = {}
                at += len(word) + 1
            self.cache[key] = found
        return self.cache[key]


def question_group(scenes, chosen, text, images, device="cpu", smoothing=lambda n: 0, answers=None):
    """A group for Forward.decode: as many questions of each scene. keep is [rows, k], the tokens before those of the answer; goals has
    rows of (flat index into keep, token, probability); names has rows of (flat token, how many objects the name fits, and of a single
    one x, y, colour, shape, texture). smoothing gives
    the share of the wrong ones of so many options; `answers` replaces the right answer of each row."""
    rows, names, answer_ids, spread = [], [], [], []
    tail, close = text.ids(shape.TURN), text.ids(shape.CLOSING)
    first = text.ids("<|vision_end|>")
    for scene, questions in zip(scenes, chosen):
        for kind, q in questions:
            prompt = prompt_of(kind, q)
            if scene["objects"]:
                objects = scene["objects"] + (scene["partner"]["objects"] if images == 2 else [])
                for token, which in text.mentions(prompt):
                    fit = [o for o in objects if all(o[trait] == value for trait, value in which.items())]
                    single = (*normal_place(scene, fit[0]), *traits(fit[0])) if len(fit) == 1 else [IGNORE] * 5
                    names.append((len(rows), token + 1, min(len(fit), MOST), *single))
            options = [answers[len(rows)]] if answers else q["options"]
            rows.append(first + text.ids(prompt) + tail)
            spread.append(text.goals(options, 0 if answers else q["answer"], smoothing(len(options))))
            answer_ids.append(text.ids(options[0 if answers else q["answer"]]) + close)
    lengths = [len(head) + len(answer) - 1 for head, answer in zip(rows, answer_ids)]  # nothing follows the last token
    s, k = max(lengths), max(map(len, answer_ids))
    ids = np.zeros((len(rows), s), int)
    keep = np.zeros((len(rows), k), int)
    for i, (head, answer) in enumerate(zip(rows, answer_ids)):
        ids[i, :lengths[i]] = (head + answer)[:-1]
        keep[i, :len(answer)] = np.arange(len(answer)) + len(head) - 1
    names = np.array(names, np.float32).reshape(-1, 8)
    names = np.concatenate([names[:, :1] * s + names[:, 1:2], names[:, 2:]], 1)
    goals = np.array([(i * k + at, token, p) for i, found in enumerate(spread) for at, token, p in found], np.float32)
    tensor = lambda x: torch.from_numpy(x).to(device)
    return dict(ids=tensor(ids), keep=tensor(keep), goals=tensor(goals), names=tensor(names), images=images)


# -------------------------------------------------------------------------------------------------------------- images

def patches(scenes, device="cpu"):
    """[n, patches, 3·16·16] in merge-block order, as the image processor makes them (one of the two equal frames)."""
    x = torch.from_numpy(np.stack([s["pixels"] for s in scenes])).to(device).float().div_(127.5).sub_(1)
    n, h, w, _ = x.shape
    x = x.view(n, h // CELL, MERGE, PATCH, w // CELL, MERGE, PATCH, 3).permute(0, 1, 4, 2, 5, 7, 3, 6)
    return x.reshape(n, h // PATCH * (w // PATCH), 3 * PATCH * PATCH)


def traits(o):
    return o["colour"], o["shape"], o["texture"]


def normal_place(scene, o):
    return (o["x"] - scene["width"] / 2) / 128, (o["y"] - scene["height"] / 2) / 128


def cell_targets(scenes, device="cpu"):
    """For each cell of each scene: colour, shape, texture (0 for none), whether an object's centre lies in it, and that object's place
    and size."""
    found = []
    for scene in scenes:
        gh, gw = scene["height"] // CELL, scene["width"] // CELL
        cy, cx = np.mgrid[0:gh, 0:gw] * CELL + CELL / 2
        nearest = np.full((gh, gw), np.inf)
        kind, centre, place = np.zeros((gh, gw, 3), int), np.zeros((gh, gw)), np.zeros((gh, gw, 3))
        for o in scene["objects"]:
            distance = np.hypot(cx - o["x"], cy - o["y"])
            mine = (distance < o["radius"] + CELL / 4) & (distance < nearest)
            own = min(int(o["y"]) // CELL, gh - 1), min(int(o["x"]) // CELL, gw - 1)
            mine[own] = True
            nearest[mine] = distance[mine]
            kind[mine] = np.add(traits(o), 1)
            place[mine] = *normal_place(scene, o), o["radius"] / 32
            centre[own] = 1
        found.append((kind.reshape(-1, 3), centre.ravel(), place.reshape(-1, 3)))
    kind, centre, place = (torch.from_numpy(np.concatenate(c)).to(device) for c in zip(*found))
    return kind, centre.float(), place.float()


def by_size(scenes, cells, rng):
    """Batches of equally large scenes of about so many cells together, in random order; those with a partner apart."""
    sizes = collections.defaultdict(list)
    for s in scenes:
        sizes[s["height"], s["width"], s["partner"] is not None].append(s)
    batches = []
    for (height, width, pair), group in sizes.items():
        rng.shuffle(group)
        n = max(1, round(cells / (height * width / CELL ** 2 * (2 if pair else 1))))
        batches += [group[i:i + n] for i in range(0, len(group), n)]
    rng.shuffle(batches)
    return batches
