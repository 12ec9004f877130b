"""Trains a bundled model on the generator's training scenes.

    python3 models/train.py --size small|medium|large --undertow PROGRAM --work DIR [--easyvqa DIR] [--device cuda] [--resume]

Leaves the model in DIR/last.pt, the tokenizer in DIR/tokenizer.json, and log lines on standard output. models/export.py turns them into
the two GGUF files. All sizes see the same images, questions and order: those follow from --seed alone. A training that was cut off goes on
from DIR/last.pt with --resume.

Products are in bfloat16. On a CPU a process uses one thread.
"""
import argparse
import collections
import os
import platform
import random
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before torch: with its own threads beside ours OpenBLAS crawls

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from torch import nn  # noqa: E402

import data  # noqa: E402
import shape  # noqa: E402
from data import COLOURS, MOST, SHAPES, TEXTURES  # noqa: E402
from forward import Forward, Noise  # noqa: E402
from score import accuracies  # noqa: E402

CHUNK = 2048      # scenes drawn at a time
CELLS = 640       # of the images that are computed together
EASY = 3          # images of easy-VQA a step
N_VALIDATION = 96  # scenes
MEETING = "meeting"

NOISE = .2          # the deviation of the factors on what goes into a product, in the second half
SETTLED_NOISE = .3  # the same at the end
AMPLIFY = 100       # of GELU's approximation, at the end


def smoothing(n):
    """The share of the wrong ones among n options in what an answer is trained to."""
    return .2


def settled_smoothing(n):
    """The same at the end: three fifths of the way to an even choice."""
    return .6 * (n - 1) / n


class Aids(nn.Module):
    """Heads used in training alone: what each cell shows, and what each name in a question fits."""

    def __init__(self, width):
        super().__init__()
        self.kinds = [len(COLOURS), len(SHAPES), len(TEXTURES)]
        self.cell = nn.Linear(width, sum(self.kinds) + 3 + 1 + 3)
        self.name = nn.ModuleList([nn.Linear(width, MOST + 1 + 2 + sum(self.kinds)) for _ in range(2)])

    def cell_loss(self, seen, targets):
        kind, centre, place = targets
        *kinds, at_centre, where = self.cell(seen.flatten(0, 1)).split([n + 1 for n in self.kinds] + [1, 3], 1)
        full = kind[:, 0] > 0
        return (sum(F.cross_entropy(out, right) for out, right in zip(kinds, kind.unbind(1)))
                + F.binary_cross_entropy_with_logits(at_centre[:, 0], centre) + F.mse_loss(where[full], place[full]))

    def name_loss(self, head, states, names):
        count, where, *kinds = self.name[head](states.flatten(0, 1)[names[:, 0].long()]).split([MOST + 1, 2] + self.kinds, 1)
        loss = F.cross_entropy(count, names[:, 1].long())
        single = names[:, 1] == 1
        if single.any():
            loss = loss + F.mse_loss(where[single], names[single, 2:4])
            loss = loss + .5 * sum(F.cross_entropy(out[single], right) for out, right in zip(kinds, names[single, 4:].long().unbind(1)))
        return loss


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


class Stream:
    """Training batches in an order that follows from the seed: a step is a list of parts, each of equally large images."""

    def __init__(self, args, chunk=0, index=0):
        self.args, self.chunk, self.index = args, chunk, index
        self.easy = data.read_easyvqa(args.easyvqa)[0] if args.easyvqa else []

    def draw(self, chunk):
        return data.draw(self.args, "train", chunk * CHUNK, CHUNK, f"train{chunk}-{self.args.process}.raw")

    def steps(self, chunk, scenes):
        rng = random.Random(f"{self.args.seed} {chunk}")
        step, images = [], 0
        for part in data.by_size(scenes, CELLS, rng):
            step.append(part)
            images += len(part)
            if images >= self.args.batch:
                if self.easy:
                    step.append(rng.sample(self.easy, EASY))
                yield step
                step, images = [], 0

    def __iter__(self):
        pending = self.draw(self.chunk)
        try:
            while True:
                scenes, pending = data.read(pending), self.draw(self.chunk + 1)
                for index, step in enumerate(self.steps(self.chunk, scenes)):
                    if index >= self.index:
                        yield step, random.Random(f"{self.args.seed} {self.chunk} {index}")
                        self.index = index + 1
                self.chunk, self.index = self.chunk + 1, 0
        finally:
            data.discard(pending)


class Trainer:
    def __init__(self, args, tokenizer, model):
        self.args, self.model, self.text = args, model, data.Text(tokenizer)
        self.forward = Forward(model, torch.bfloat16)
        self.smoothing = smoothing
        self.prefix = [torch.tensor(self.text.ids(t), device=args.device) for t in (shape.PREFIX, shape.BETWEEN)]
        self.aids = Aids(model.config.text_config.hidden_size).to(args.device)
        named = list(model.named_parameters()) + list(self.aids.named_parameters())
        self.params = [p for _, p in named]
        # Muon for the matrices inside the layers; the mergers are wide and would cost as much again.
        inside = lambda n, p: p.ndim == 2 and ("blocks." in n or "layers." in n)
        others = [(n, p) for n, p in named if not inside(n, p)]
        matrix = lambda n, p: p.ndim >= 2 and "embed" not in n
        self.optimizers = [torch.optim.AdamW([dict(params=[p for n, p in others if matrix(n, p)], weight_decay=.05),
                                              dict(params=[p for n, p in others if not matrix(n, p)], weight_decay=0)],
                                             betas=(.9, .98), foreach=True)]
        self.optimizers.append(torch.optim.Muon([p for n, p in named if inside(n, p)], weight_decay=.05, adjust_lr_fn="match_rms_adamw"))

    def see(self, scenes):
        """The images of equally large scenes, their partners' after them, and the texts of the prefix."""
        grid = self.forward.grid(scenes[0]["height"], scenes[0]["width"])
        n, pictured = len(scenes), list(scenes)
        if scenes[0]["partner"]:
            pictured += [s["partner"] for s in scenes]
        seen, stacked = self.forward.see(grid, data.patches(pictured, self.args.device))
        beside = lambda t: torch.cat(t.split(n), 1)
        return grid, pictured, seen, beside(seen), [beside(t) for t in stacked], self.prefix[:len(pictured) // n]

    def losses(self, scenes, chosen):
        grid, pictured, seen, *prefix = self.see(scenes)
        groups = [data.question_group(scenes, questions, self.text, 2 if questions[0][0][1]["category"] == data.PAIR else 1,
                                      self.args.device, self.smoothing) for questions in zip(*chosen)]
        states = self.forward.decode(grid, *prefix, groups)
        # The sum over an answer's tokens: what the engine scores options by.
        answer = sum(-(g["goals"][:, 2] * self.forward.logits(kept.flatten(0, 1)).log_softmax(-1)[tuple(g["goals"][:, :2].long().T)]).sum()
                     for g, kept in zip(groups, states[-1]))
        found = dict(answer=answer / sum(len(g["ids"]) for g in groups))
        if scenes[0]["objects"]:
            found["cell"] = self.aids.cell_loss(seen, data.cell_targets(pictured, self.args.device))
            named = [i for i, g in enumerate(groups) if len(g["names"])]
            found["name"] = sum(self.aids.name_loss(head, states[layer][i], groups[i]["names"])
                                for head, layer in enumerate((0, 1)) for i in named) / (2 * len(named))
        return found

    def step(self, parts, mcq, rng):
        """One update from the mean over the images of all parts, of which every process computes its share."""
        sums, total = collections.Counter(), sum(len(part) for part in parts)
        for part in parts:
            chosen = [data.choose_questions(s, rng, mcq) for s in part]
            mine = slice(self.args.process, None, self.args.processes)
            if not part[mine]:
                continue
            losses = self.losses(part[mine], chosen[mine])
            share = len(part[mine]) / total
            (sum(losses.values()) * share).backward()
            for name, value in losses.items():
                sums[name] += float(value.detach()) * len(part) / total
        if self.args.processes > 1:
            self.add_up()
        nn.utils.clip_grad_norm_(self.params, 1)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return sums

    def add_up(self):
        """The gradients of all processes."""
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in self.params]
        flat = torch.cat([g.flatten() for g in gradients])
        torch.distributed.all_reduce(flat)
        for p, g in zip(self.params, flat.split([g.numel() for g in gradients])):
            p.grad = g.view_as(p)

    def save(self, **more):
        path = os.path.join(self.args.work, "last.pt")
        noise = self.forward.noise and (self.forward.noise.deviation, self.forward.noise.pool)
        torch.save(dict(model=self.model.state_dict(), aids=self.aids.state_dict(), optimizers=[o.state_dict() for o in self.optimizers],
                        random=torch.get_rng_state(), noise=noise, **more), path + ".new")
        os.replace(path + ".new", path)

    def load(self):
        """What was saved, so that going on gives the very model that was begun."""
        saved = torch.load(os.path.join(self.args.work, "last.pt"), map_location=self.args.device)
        self.model.load_state_dict(saved.pop("model"))
        self.aids.load_state_dict(saved.pop("aids"))
        for optimizer, state in zip(self.optimizers, saved.pop("optimizers")):
            optimizer.load_state_dict(state)
        torch.set_rng_state(saved.pop("random").cpu())
        if noise := saved.pop("noise"):
            self.forward.noise = Noise(*noise)
        return saved

    def soften(self, progress):
        """Factors on what goes into every product from half of the training on, and more of both when it settles."""
        settling = progress >= 1
        self.smoothing = settled_smoothing if settling else smoothing
        self.forward.amplify = AMPLIFY if settling else 0
        deviation = SETTLED_NOISE if settling else NOISE if progress >= .5 else 0
        if deviation and (not self.forward.noise or self.forward.noise.deviation != deviation):
            self.forward.noise = Noise.draw(deviation, torch.bfloat16, self.args.device)


def rate_at(step, args, width):
    """Warm-up of 100 steps, then steady, then linearly to almost nothing over the last quarter; a tenth of it, falling, to settle."""
    progress = step / args.steps
    share = 1 if progress < .75 else max(.02, (1 - progress) / .25) if progress < 1 else .1 * (1 - (step - args.steps) / args.settle)
    return .02 * width ** -.5 * min(1, (step + 1) / 100) * share


def multiple_choice(progress):
    """How many of a scene's questions are of multiple choice: open ones are shorter and sooner learnt."""
    return 0 if progress < .15 else 1 if progress < .75 else 2


def train(args, tokenizer, model):
    trainer = Trainer(args, tokenizer, model)
    at = trainer.load() if args.resume else dict(step=0, images=0, seconds=0, chunk=0, index=0)
    validation = data.read(data.draw(args, "val", 0, N_VALIDATION, f"val{args.process}.raw"))
    stream = Stream(args, at["chunk"], at["index"])
    began = time.time() - at["seconds"]
    sums, step, images, last = collections.Counter(), at["step"], at["images"], args.steps + args.settle
    for parts, rng in stream:
        rate = rate_at(step, args, model.config.text_config.hidden_size)
        for group in (group for optimizer in trainer.optimizers for group in optimizer.param_groups):
            group["lr"] = rate
        trainer.soften(step / args.steps)
        sums.update(trainer.step(parts, multiple_choice(step / args.steps), rng))
        step += 1
        images += sum(len(part) for part in parts)
        if (step % 25 == 0 or step == last) and args.process == 0:
            means = " ".join(f"{k} {v / (step % 25 or 25):.3f}" for k, v in sums.items())
            trainer.save(step=step, images=images, seconds=time.time() - began, chunk=stream.chunk, index=stream.index + 1)
            say(f"step {step} images {images} seconds {time.time() - began:.0f} rate {rate:.5f} {means}")
            sums.clear()
        if (step % args.every == 0 or step == last) and args.process == 0:
            found = accuracies(Forward(model, torch.bfloat16), trainer.text, validation)
            say(f"eval step {step} " + " ".join(f"{c} {np.mean(hits):.3f}" for c, hits in found.items()))
        if step == last:
            break


def make_tokenizer(args):
    """From the prompts and answers of the first training scenes (and of easy-VQA)."""
    scenes = data.read(data.draw(args, "train", 0, 400, "vocabulary.raw"))
    if args.easyvqa:
        scenes += data.read_easyvqa(args.easyvqa)[0][:400]
    texts = ["user", "assistant"] * 50
    for scene in scenes:
        for q in scene["questions"]:
            texts += [data.prompt_of(0 if q["category"] in data.PRESENCE else 2, q), data.prompt_of(1, q)] + q["options"]
    return shape.make_tokenizer(texts)


def say(line):
    print(line, flush=True)


def machine(args):
    if args.device == "cuda":
        return torch.cuda.get_device_name()
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{args.processes} thread{'s' if args.processes > 1 else ''} of {names[0] if names else platform.processor()}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", choices=shape.SIZES, required=True)
    parser.add_argument("--undertow", required=True, help="the program, which draws the scenes")
    parser.add_argument("--work", required=True)
    parser.add_argument("--easyvqa", help="the folder of easy-VQA (github.com/vzhou842/easy-VQA): answers.txt, train/questions.json, train/images")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--batch", type=int, default=16, help="scenes a step, or a few more")
    parser.add_argument("--settle", type=int, default=120, help="further steps, at a small rate and with more noise")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=200, help="steps between evaluations")
    parser.add_argument("--resume", action="store_true", help="go on from DIR/last.pt")
    parser.add_argument("--processes", type=int, default=1, help="that share the work, on a CPU")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    path = os.path.join(args.work, "tokenizer.json")
    if not args.resume:
        make_tokenizer(args).save(path)
    if args.processes > 1:
        if os.path.exists(os.path.join(args.work, MEETING)):
            os.remove(os.path.join(args.work, MEETING))
        torch.multiprocessing.spawn(run, (args, Tokenizer.from_file(path)), args.processes)
    else:
        run(0, args, Tokenizer.from_file(path))


def run(process, args, tokenizer):
    args.process = process
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    if args.processes > 1:
        torch.distributed.init_process_group("gloo", f"file://{os.path.abspath(args.work)}/{MEETING}", rank=process, world_size=args.processes)
    model = shape.make_model(shape.make_config(tokenizer, **shape.SIZES[args.size]))
    init(model)
    model.to(args.device)
    if process == 0:
        say(f"parameters {sum(p.numel() for p in model.parameters())} vocabulary {tokenizer.get_vocab_size()} on {machine(args)}, "
            f"torch {torch.__version__}; " + " ".join(f"{k}={v}" for k, v in vars(args).items() if k not in ("undertow", "work", "easyvqa")))
    train(args, tokenizer, model)


if __name__ == "__main__":
    main()
