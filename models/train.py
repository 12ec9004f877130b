"""Trains the bundled model on the generator's training scenes, on one CPU thread.

    python3 models/train.py --undertow build/cli/undertow --work DIR [--minutes 54] [--calm 27] [--seed 0]

Leaves the best checkpoint in DIR/best.pt and DIR/last.pt, the tokenizer in DIR/tokenizer.json, and log lines on standard output.
models/export.py turns a checkpoint into the two GGUF files.

There are two stages. The first, of --minutes, learns to answer. The second, of --calm minutes, makes the answers less certain and less
easily moved: the target leaves a fifth to the question's other options, and what goes into every product is multiplied with noise. An
engine that computes with half precision then gives nearly the log-probabilities of one that does not (tests/test-parity.c).

Many questions are asked of one image in one pass: the image prefix is computed once, and every question attends to it and to itself,
with positions that go on after the image. Plain inference on one question computes the same.
"""
import argparse
import collections
import json
import math
import os
import random
import subprocess
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers.models.qwen3_vl.modeling_qwen3_vl import apply_rotary_pos_emb, apply_rotary_pos_emb_vision, rotate_half
from transformers.vision_utils import get_vision_bilinear_indices_and_weights, get_vision_position_ids

import shape
from shape import CELL, MERGE, PATCH

COLOURS = ["red", "green", "blue", "yellow", "purple", "orange"]
SHAPES = ["circle", "square", "triangle", "star", "cross", "ring"]
PRESENCE = ["random", "popular", "adversarial"]
PERCEPTION = ["colour", "shape", "count", "relation"]
IGNORE = -100
DOUBT = .2  # the share of the wrong options in the second stage's targets
NOISE = .2  # the standard deviation of the second stage's factors; dropout of 4 % has the same variance


# ---------------------------------------------------------------------------------------------------------------- data

def draw(args, split, start, count, name):
    """Starts the generator in the background; read() waits for it."""
    path = os.path.join(args.work, name)
    command = [args.undertow, "scenes", "--raw", path, "--split", split, "--from", str(start), "--count", str(count)]
    return path, subprocess.Popen(command)


def read(drawn):
    path, process = drawn
    if process.wait() != 0:
        raise SystemExit("the generator failed")
    pixels = np.fromfile(path, np.uint8)
    scenes, at = [], 0
    for line in open(path + ".jsonl"):
        scene = json.loads(line)
        n = scene["width"] * scene["height"] * 3
        scene["pixels"] = pixels[at:at + n].reshape(scene["height"], scene["width"], 3)
        at += n
        scenes.append(scene)
    os.remove(path)
    os.remove(path + ".jsonl")
    return scenes


def patches(scenes):
    """[n, patches, 3·8·8] in merge-block order, as the image processor makes them (one of the two equal frames)."""
    x = torch.from_numpy(np.stack([s["pixels"] for s in scenes])).float().div_(127.5).sub_(1)
    n, h, w, _ = x.shape
    x = x.view(n, h // CELL, MERGE, PATCH, w // CELL, MERGE, PATCH, 3).permute(0, 1, 4, 2, 5, 7, 3, 6)
    return x.reshape(n, h // PATCH * (w // PATCH), 3 * PATCH * PATCH)


def cell_targets(scene):
    """For each cell: colour, shape (0 for none), whether an object's centre lies in it, and that object's place."""
    gh, gw = scene["height"] // CELL, scene["width"] // CELL
    cy, cx = np.mgrid[0:gh, 0:gw] * CELL + CELL / 2
    nearest = np.full((gh, gw), np.inf)
    colour, form, centre = np.zeros((gh, gw), int), np.zeros((gh, gw), int), np.zeros((gh, gw))
    place = np.zeros((gh, gw, 2))
    for o in scene["objects"]:
        distance = np.hypot(cx - o["x"], cy - o["y"])
        mine = (distance < o["radius"] + 4) & (distance < nearest)
        nearest[mine] = distance[mine]
        colour[mine], form[mine] = o["colour"] + 1, o["shape"] + 1
        place[mine] = normal_place(scene, o)
        centre[min(int(o["y"]) // CELL, gh - 1), min(int(o["x"]) // CELL, gw - 1)] = 1
    return colour.ravel(), form.ravel(), centre.ravel(), place.reshape(-1, 2)


def normal_place(scene, o):
    return (o["x"] - scene["width"] / 2) / 40, (o["y"] - scene["height"] / 2) / 40


class Text:
    """Token ids of a question with its answer, and where it names what; cached, as texts come again and again."""

    def __init__(self, tokenizer):
        self.tokenizer, self.cache = tokenizer, {}

    def ids(self, text):
        found = self.cache.get(text)
        if found is None:
            found = self.cache[text] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def mentions(self, question, prompt):
        """The index of the last token of each thing the question names (red circle, star, red object), in order."""
        key = (prompt,)
        if key not in self.cache:
            encoded = self.tokenizer.encode(prompt, add_special_tokens=False)
            ends, at = [], len("Question: ")
            words = question.rstrip("?").split(" ")
            for word in words:
                if word in SHAPES or word == "object":
                    ends.append(at + len(word))
                at += len(word) + 1
            self.cache[key] = [next(i for i, (a, b) in enumerate(encoded.offsets) if b >= end) for end in ends]
        return self.cache[key]


def choose_questions(scene, rng, n_presence, n_open, n_mcq):
    """A training mix: (kind, question) pairs; kinds are 0 presence, 1 open, 2 multiple choice."""
    by = collections.defaultdict(list)
    for q in scene["questions"]:
        by[(q["category"], q["answer"] if len(q["options"]) == 2 else None)].append(q)
    short = []
    yes = by[("random", 0)]
    no = [q for c in PRESENCE for q in by[(c, 1)]]
    for i in range(n_presence):
        short.append((0, rng.choice(yes if i % 2 == 0 else no)))
    pools = [by[(c, None)] for c in PERCEPTION]
    weights = [w if pool else 0 for w, pool in zip((2, 2, 2, 4), pools)]
    pick = lambda: rng.choice(rng.choices(pools, weights)[0])
    short += [(1, pick()) for _ in range(n_open)]
    return short, [(2, pick()) for _ in range(n_mcq)]


def prompt_of(kind, q):
    if kind == 0:
        return shape.prompt_presence(q["question"])
    return shape.prompt_open(q["question"]) if kind == 1 else shape.prompt_mcq(q["question"], q["options"])


def text_batch(scenes, chosen, text):
    """ids [n, q, s], answer tokens and where they are predicted, and what the question's names should be read as: rows of (flat token, exists, x, y, colour, shape)."""
    n, q = len(chosen), len(chosen[0])
    rows, names, lengths = [], [], []
    tail, close = text.ids(shape.TURN), text.ids(shape.CLOSING)
    for scene, questions in zip(scenes, chosen):
        for kind, item in questions:
            prompt = prompt_of(kind, item)
            head = text.ids("<|vision_end|>") + text.ids(prompt) + tail
            answer = text.ids(item["options"][item["answer"]])
            row = len(rows)
            for i, (token, who) in enumerate(zip(text.mentions(item["question"], prompt), item["subject"])):
                if item["category"] == "count":
                    break
                o = scene["objects"][who] if who >= 0 else None
                names.append((row, token + 1, o is not None, *(normal_place(scene, o) if o else (0, 0)),
                              o["colour"] if o else IGNORE, o["shape"] if o else IGNORE))
            rows.append(head + answer + close)
            lengths.append(len(head))
    s = max(map(len, rows))
    ids = torch.zeros(len(rows), s, dtype=torch.long)
    answers = len(rows[0]) - lengths[0]  # every answer is one token, closed by two
    keep = torch.tensor(lengths)[:, None] - 1 + torch.arange(answers)
    for i, row in enumerate(rows):
        ids[i, :len(row)] = torch.tensor(row)
    names = torch.tensor(names, dtype=torch.float64) if names else torch.zeros(0, 7)
    names[:, 1] += names[:, 0] * s
    return dict(ids=ids.view(n, q, s), keep=keep, target=ids.gather(1, keep + 1).view(-1), names=names)


# --------------------------------------------------------------------------------------------------------------- model

class Grid:
    """What depends on an image's size alone."""

    def __init__(self, model, height, width):
        gh, gw = height // PATCH, width // PATCH
        self.h, self.w = gh // MERGE, gw // MERGE
        thw = torch.tensor([[1, gh, gw]])
        visual = model.model.visual
        self.corners, self.weights = get_vision_bilinear_indices_and_weights(thw, visual.num_grid_per_side, MERGE)
        angles = visual.rotary_pos_emb(get_vision_position_ids(thw, MERGE)).reshape(gh * gw, -1)
        angles = torch.cat((angles, angles), -1)
        self.cos, self.sin = angles.cos(), angles.sin()
        image = model.model.get_vision_position_ids(0, torch.tensor([1, gh, gw]), 1, MERGE)
        self.image_positions, self.span = image, max(self.h, self.w)


def see(model, grid, x):
    """The vision tower on a batch of equally large images: merged tokens and the deepstack's, [n, cells, width]."""
    v = model.model.visual
    conv = v.patch_embed.proj
    kernel = conv.weight.sum(2).flatten(1)  # both frames are the same picture
    x = F.linear(x, kernel, conv.bias)
    x = x + (v.pos_embed(grid.corners) * grid.weights[:, :, None]).sum(0)
    n, p, d = x.shape
    stacked = []
    for i, block in enumerate(v.blocks):
        a = block.attn
        q, k, val = a.qkv(block.norm1(x)).view(n, p, 3, a.num_heads, -1).unbind(2)
        q, k = apply_rotary_pos_emb_vision(q, k, grid.cos, grid.sin)
        y = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), val.transpose(1, 2))
        x = x + a.proj(y.transpose(1, 2).reshape(n, p, d))
        x = x + block.mlp(block.norm2(x))
        if i in v.deepstack_visual_indexes:
            stacked.append(v.deepstack_merger_list[list(v.deepstack_visual_indexes).index(i)](x).view(n, -1, model.config.text_config.hidden_size))
    return v.merger(x).view(n, p // MERGE ** 2, -1), stacked


def decode(model, grid, prefix_ids, seen, stacked, groups):
    """The language model on the prefix and on groups of questions. A group has ids [n, q, s] and keep [n·q, k]: the tokens whose states
    after the last layer are wanted. Gives per group the states after every layer, [n·q, s, width], the last one [n·q, k, width]."""
    lm = model.model.language_model
    n = seen.shape[0]
    start = len(prefix_ids)
    prefix = torch.cat([lm.embed_tokens(torch.tensor(prefix_ids)).expand(n, -1, -1), seen], 1)
    positions = torch.cat([torch.arange(start).expand(3, -1), grid.image_positions + start], 1)
    parts, angles, masks = [prefix], [lm.rotary_emb(prefix, positions[:, None])], [None]
    for group in groups:
        s = group["ids"].shape[2]
        parts.append(lm.embed_tokens(group["ids"].view(-1, s)))
        angles.append(lm.rotary_emb(prefix, (torch.arange(s) + start + grid.span).expand(3, 1, -1)))
        masks.append(torch.ones(s, s, dtype=torch.bool).tril())
    sizes = [(p.shape[0], p.shape[1]) for p in parts]
    cut = lambda x: [y.view(*size, -1) for y, size in zip(x.split([a * b for a, b in sizes]), sizes)]
    x = torch.cat([p.reshape(-1, p.shape[-1]) for p in parts])
    states = []
    for layer, block in enumerate(lm.layers):
        a = block.self_attn
        heads = lambda t: t.view(*t.shape[:2], -1, a.head_dim).transpose(1, 2)
        h = block.input_layernorm(x)
        keys = [heads(t) for t in cut(a.k_norm(a.k_proj(h).view(len(h), -1, a.head_dim)).flatten(1))]
        keys = [rep(turn(k, *angle), a) for k, angle in zip(keys, angles)]
        values = [rep(heads(t), a) for t in cut(a.v_proj(h))]
        if layer == len(lm.layers) - 1:
            # From here on only the kept tokens matter.
            pick = lambda t: [t_i.gather(1, g["keep"][..., None].expand(-1, -1, t_i.shape[-1])) for t_i, g in zip(cut(t)[1:], groups)]
            kept, kept_h = pick(x), pick(h)
            sizes = [(0, 0)] + [(t.shape[0], t.shape[1]) for t in kept]
            x, h = (torch.cat([t.flatten(0, 1) for t in ts]) for ts in (kept, kept_h))
            cut = lambda x: [None] + [y.view(*size, -1) for y, size in zip(x.split([a * b for a, b in sizes[1:]]), sizes[1:])]
            angles = [None] + [tuple(c[0][g["keep"]][:, None] for c in angle) for angle, g in zip(angles[1:], groups)]
            masks = [None] + [mask[g["keep"]][:, None] for mask, g in zip(masks[1:], groups)]
            turned = turn_each
        else:
            turned = turn
        out = []
        for i, q in enumerate(cut(a.q_norm(a.q_proj(h).view(len(h), -1, a.head_dim)).flatten(1))):
            if q is None:
                continue
            q = turned(heads(q), *angles[i])
            if i == 0:
                y = F.scaled_dot_product_attention(q, keys[0], values[0], is_causal=True)
            else:
                y = attend(q, keys[0], values[0], keys[i], values[i], masks[i], a.scaling)
            out.append(y.transpose(1, 2).reshape(-1, a.o_proj.in_features))
        x = x + a.o_proj(torch.cat(out))
        x = x + block.mlp(block.post_attention_layernorm(x))
        if layer < len(stacked):
            first = torch.cat([torch.zeros(n, start, x.shape[-1]), stacked[layer]], 1).view(-1, x.shape[-1])
            x = torch.cat([x[:len(first)] + first, x[len(first):]])
        states.append(cut(x)[1:])
    return states


def turn(x, cos, sin):
    return apply_rotary_pos_emb(x, x[:, :0], cos, sin)[0]


def turn_each(x, cos, sin):
    """The same with angles of its own for each question: [m, 1, k, d]."""
    return x * cos + rotate_half(x) * sin


def rep(x, attention):
    return x.repeat_interleave(attention.num_key_value_groups, 1)


def attend(q, k0, v0, k, v, mask, scale):
    """Attention of n·per questions to their image's prefix and causally to themselves. The questions of an image stand side by side, so
    that one product takes them to the image's keys and none of those is copied."""
    m, heads, s, d = q.shape
    n, p = k0.shape[0], k0.shape[2]
    per = m // n
    wide = q.view(n, per, heads, s, d).transpose(1, 2).reshape(n, heads, per * s, d)
    far = (wide @ k0.transpose(2, 3)).view(n, heads, per, s, p).transpose(1, 2).reshape(m, heads, s, p)
    near = (q @ k.transpose(2, 3)).masked_fill(~mask, float("-inf"))
    weights = (torch.cat([far, near], -1) * scale).softmax(-1)
    far, near = weights[..., :p], weights[..., p:]
    far = far.view(n, per, heads, s, p).transpose(1, 2).reshape(n, heads, per * s, p) @ v0
    return far.view(n, heads, per, s, d).transpose(1, 2).reshape(m, heads, s, d) + near @ v


class Aids(nn.Module):
    """Heads used in training alone: what each cell shows, and what each name in a question refers to."""

    def __init__(self, width):
        super().__init__()
        self.cell = nn.Linear(width, 7 + 7 + 1 + 2)
        self.name = nn.ModuleList([nn.Linear(width, 1 + 2 + 6 + 6) for _ in range(2)])

    def cell_loss(self, seen, targets):
        out = self.cell(seen).flatten(0, 1)
        colour, form, centre, place = targets
        full = colour > 0
        return (F.cross_entropy(out[:, :7], colour) + F.cross_entropy(out[:, 7:14], form)
                + F.binary_cross_entropy_with_logits(out[:, 14], centre)
                + F.mse_loss(out[full][:, 15:17], place[full]))

    def name_loss(self, head, states, names):
        out = self.name[head](states.flatten(0, 1)[names[:, 1].long()])
        there = names[:, 2].float()
        full = there > 0
        loss = F.binary_cross_entropy_with_logits(out[:, 0], there)
        loss = loss + F.mse_loss(out[full][:, 1:3], names[full][:, 3:5].float())
        return loss + .5 * (F.cross_entropy(out[full][:, 3:9], names[full][:, 5].long()) + F.cross_entropy(out[full][:, 9:15], names[full][:, 6].long()))


def init(model):
    """Variance-preserving: the library's 0.02 is meant for widths a hundred times ours."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "embed" in name and "patch" not in name:
                p.normal_(0, .3)
            elif p.ndim >= 2:
                p.normal_(0, p[0].numel() ** -.5)
            elif name.endswith("bias"):
                p.zero_()
            if any(part in name for part in ("o_proj", "down_proj", "attn.proj.weight", "mlp.linear_fc2.weight")):
                p.mul_(.35)
        model.model.language_model.norm.weight.fill_(.3)


# ------------------------------------------------------------------------------------------------------------ training

def by_size(scenes, batch, rng):
    """Batches of equally large scenes, in random order."""
    sizes = collections.defaultdict(list)
    for s in scenes:
        sizes[(s["height"], s["width"])].append(s)
    batches = []
    for group in sizes.values():
        rng.shuffle(group)
        batches += [group[i:i + batch] for i in range(0, len(group) - batch + 1, batch)]
    rng.shuffle(batches)
    return batches


class Trainer:
    def __init__(self, args, tokenizer, model):
        self.args, self.model, self.text = args, model, Text(tokenizer)
        self.grids, self.rng = {}, random.Random(args.seed)
        self.prefix = self.text.ids(shape.PREFIX)
        self.aids = Aids(model.config.text_config.hidden_size)
        named = list(model.named_parameters()) + list(self.aids.named_parameters())
        decay = [p for n, p in named if p.ndim >= 2 and "embed" not in n]
        rest = [p for n, p in named if not (p.ndim >= 2 and "embed" not in n)]
        self.params = decay + rest
        self.optimizer = torch.optim.AdamW([dict(params=decay, weight_decay=.05), dict(params=rest, weight_decay=0)],
                                           lr=args.rate, betas=(.9, .98), foreach=True)

    def grid(self, scene):
        key = (scene["height"], scene["width"])
        if key not in self.grids:
            self.grids[key] = Grid(self.model, *key)
        return self.grids[key]

    def head(self, states):
        return self.model.lm_head(self.model.model.language_model.norm(states))

    def answer_loss(self, logits, group, questions, calm):
        """Cross entropy with every answer's tokens, of which the first carries the information; the two that close the turn are soon
        certain."""
        target = F.one_hot(group["target"], logits.shape[-1]).float()
        if calm:
            first = target.view(len(questions), -1, logits.shape[-1])[:, 0]
            for row, q in zip(first, questions):
                tokens = [self.text.ids(option)[0] for option in q["options"]]
                row.zero_()[tokens] = DOUBT / (len(tokens) - 1)
                row[tokens[q["answer"]]] = 1 - DOUBT
        return 3 * F.cross_entropy(logits, target)

    def loss(self, scenes, mcq, calm):
        grid = self.grid(scenes[0])
        seen, stacked = see(self.model, grid, patches(scenes))
        chosen = [choose_questions(s, self.rng, 4, 4, 2 if mcq else 0) for s in scenes]
        groups = [text_batch(scenes, [c[0] for c in chosen], self.text)]
        if mcq:
            groups.append(text_batch(scenes, [c[1] for c in chosen], self.text))
        states = decode(self.model, grid, self.prefix, seen, stacked, groups)
        columns = list(zip(*[cell_targets(s) for s in scenes]))
        as_tensor = lambda c, kind: torch.from_numpy(np.concatenate(c)).to(kind)
        targets = [as_tensor(c, kind) for c, kind in zip(columns, (torch.long, torch.long, torch.float, torch.float))]
        losses = dict(cell=self.aids.cell_loss(seen, targets), name=0, answer=0)
        for g, group in enumerate(groups):
            logits = self.head(states[-1][g].flatten(0, 1))
            questions = [q for c in chosen for _, q in c[g]]
            losses["answer"] = losses["answer"] + self.answer_loss(logits, group, questions, calm) / len(groups)
            for head, layer in enumerate((1, 2)):
                losses["name"] = losses["name"] + self.aids.name_loss(head, states[layer][g], group["names"]) / (2 * len(groups))
        return losses

    @torch.no_grad()
    def evaluate(self, scenes):
        """Right answers by category, by the log-probability of the options' words."""
        right = collections.defaultdict(list)
        batches = by_size(scenes, 8, random.Random(1))
        rng = random.Random(2)
        for batch in batches:
            grid = self.grid(batch[0])
            seen, stacked = see(self.model, grid, patches(batch))
            for kind in (0, 2):
                chosen = []
                for scene in batch:
                    qs = [q for q in scene["questions"] if (len(q["options"]) == 2) == (kind == 0)]
                    chosen.append([(kind, rng.choice(qs)) for _ in range(6)])
                g = text_batch(batch, chosen, self.text)
                states = decode(self.model, grid, self.prefix, seen, stacked, [g])[-1][0]
                logits = self.head(states[:, 0])
                flat = [q for c in chosen for _, q in c]
                for row, q in zip(logits, flat):
                    scores = [row[self.text.ids(o)[0]] for o in q["options"]]
                    right[q["category"]].append(int(int(np.argmax(scores)) == q["answer"]))
        return {c: float(np.mean(right[c])) for c in PRESENCE + PERCEPTION}

    def save(self, name):
        torch.save(dict(model=self.model.state_dict(), aids=self.aids.state_dict()), os.path.join(self.args.work, name + ".new"))
        os.replace(os.path.join(self.args.work, name + ".new"), os.path.join(self.args.work, name))


def rate_at(progress, step):
    """Warm-up of 150 steps, then steady, then linearly to almost nothing over the last quarter."""
    warm = min(1, (step + 1) / 150)
    return warm * (1 if progress < .75 else max(.02, (1 - progress) / .25))


class Stream:
    """Training scenes, chunk after chunk; the generator draws the next chunk meanwhile."""

    def __init__(self, args):
        self.args, self.chunk = args, 0
        self.draw()

    def draw(self):
        self.pending = draw(self.args, "train", self.args.first + self.chunk * self.args.chunk, self.args.chunk, f"train{self.chunk}.raw")

    def batches(self, rng):
        while True:
            scenes = read(self.pending)
            self.chunk += 1
            self.draw()
            yield from by_size(scenes, self.args.batch, rng)

    def close(self):
        path, process = self.pending
        process.wait()
        for suffix in ("", ".jsonl"):
            os.remove(path + suffix)


def run_stage(trainer, stream, validation, minutes, rate, calm):
    args = trainer.args
    short = 0 if calm else args.short
    sums, step, best = collections.Counter(), 0, 0
    began = last_evaluation = time.time()
    for batch in stream.batches(trainer.rng):
        elapsed = time.time() - began
        progress = elapsed / (60 * minutes)
        if progress >= 1:
            break
        for group in trainer.optimizer.param_groups:
            group["lr"] = rate * rate_at(progress, step)
        losses = trainer.loss(batch, progress >= short and step % 2 == 1, calm)
        (losses["answer"] + losses["cell"] + losses["name"]).backward()
        nn.utils.clip_grad_norm_(trainer.params, 1)
        trainer.optimizer.step()
        trainer.optimizer.zero_grad(set_to_none=True)
        step += 1
        for name, value in losses.items():
            sums[name] += float(value.detach())
        if step % 50 == 0:
            means = " ".join(f"{k} {v / 50:.3f}" for k, v in sums.items())
            print(f"step {step} images {step * args.batch} seconds {elapsed:.0f} rate {group['lr']:.5f} {means}", flush=True)
            sums.clear()
        if time.time() - last_evaluation > args.every:
            last_evaluation = time.time()
            best = report(trainer, validation, step, best)
    report(trainer, validation, step, best)


def put_noise(model):
    """On what goes into every product, while a loss is computed."""
    def noisy(module, inputs):
        return inputs[0] * (1 + NOISE * torch.randn_like(inputs[0])) if torch.is_grad_enabled() else None

    for module in model.modules():
        if isinstance(module, nn.Linear) and module is not model.lm_head:
            module.register_forward_pre_hook(noisy)


def train(args, tokenizer, model):
    trainer = Trainer(args, tokenizer, model)
    if args.resume:
        saved = torch.load(args.resume)
        model.load_state_dict(saved["model"])
        trainer.aids.load_state_dict(saved["aids"])
    validation = read(draw(args, "val", 0, 512, "val.raw"))
    stream = Stream(args)
    if args.minutes > 0:
        run_stage(trainer, stream, validation, args.minutes, args.rate, calm=False)
    if args.calm > 0:
        put_noise(model)
        print(f"calm: doubt {DOUBT} noise {NOISE}", flush=True)
        run_stage(trainer, stream, validation, args.calm, .4 * args.rate, calm=True)
    stream.close()


def report(trainer, validation, step, best):
    scores = trainer.evaluate(validation)
    trainer.save("last.pt")
    mean = np.mean(list(scores.values()))
    if mean >= best:
        trainer.save("best.pt")
    print(f"eval step {step} " + " ".join(f"{k} {v:.3f}" for k, v in scores.items()), flush=True)
    return max(best, mean)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--undertow", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--minutes", type=float, default=54, help="of the first stage")
    parser.add_argument("--calm", type=float, default=27, help="minutes of the second stage")
    parser.add_argument("--short", type=float, default=.15, help="the share of the first stage before multiple choice comes in, in every other batch")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--chunk", type=int, default=4096)
    parser.add_argument("--first", type=int, default=0, help="the first training scene")
    parser.add_argument("--every", type=float, default=240, help="seconds between evaluations")
    parser.add_argument("--resume", help="a checkpoint to start from")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    texts = ["user", "assistant"] * 50
    for scene in read(draw(args, "train", 0, 300, "vocabulary.raw")):
        for q in scene["questions"]:
            texts += [prompt_of(0 if len(q["options"]) == 2 else 2, q), prompt_of(1, q), q["options"][q["answer"]]]
    tokenizer = shape.make_tokenizer(texts)
    tokenizer.save(os.path.join(args.work, "tokenizer.json"))
    model = shape.make_model(shape.make_config(shape.padded(tokenizer), tokenizer))
    init(model)
    print(f"parameters {sum(p.numel() for p in model.parameters())} vocabulary {tokenizer.get_vocab_size()} " + " ".join(f"{k}={v}" for k, v in vars(args).items() if k not in ("undertow", "work", "resume")), flush=True)
    train(args, tokenizer, model)


if __name__ == "__main__":
    main()
