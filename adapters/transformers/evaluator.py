"""Asks a model of Transformers: log-probabilities of answers, greedy answers, and representations.

The tokens up to the last image are evaluated once and kept in a cache; each prompt's options are one batch behind it. What is shared depends
on the question alone and never on its company in the request, so that a resumed run gets the same numbers.
"""
import copy
from dataclasses import dataclass, field

import torch

from capture import States, Vision, find_decoder


@dataclass
class Prefix:
    """Everything up to the last image, as the processor makes it."""

    ids: list
    inputs: dict  # of the model, but for the tokens
    key: tuple  # which images, in which order
    per_token: dict = field(default_factory=dict)  # inputs with a value a token
    cache: object = None
    delta: object = None  # of rotary positions in several dimensions: how far they lag behind the tokens


@dataclass
class Pass:
    """What one pass gave of the tokens behind the prefix: [batch, tokens, …]."""

    logs: torch.Tensor  # log p of the next token; from the row `first` on
    first: int
    raw: torch.Tensor
    normed: torch.Tensor
    layers: list
    cache: object


class Evaluator:
    def __init__(self, model, processor, prompts, batch, share):
        self.model, self.processor, self.prompts, self.batch, self.share = model, processor, prompts, batch, share
        self.states, self.vision = States(find_decoder(model)), Vision(model)
        self.prefixes = {}
        ends = model.generation_config.eos_token_id
        self.ends = {prompts.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}

    # ── prefixes ──

    def begin(self, images, layers):
        self.images, self.prefixes, self.states.wanted = images, {}, layers
        self.vision.forget()
        self.states.layers = {}

    def prefix(self, parts):
        """The prefix of a prompt, and the text behind it."""
        order = tuple(part["image"] for part in parts if "image" in part)
        head, tail = self.prompts.open(parts)
        if head is None:
            return Prefix([], {}, ()), tail
        if (order, head) not in self.prefixes:
            self.prefixes[order, head] = self.process(order, head, tail)
        return self.prefixes[order, head], tail

    def process(self, order, head, tail):
        text = head + tail
        inputs = self.processor(text=[text], images=[self.images[i] for i in order], return_tensors="pt",
                                add_special_tokens=not self.prompts.begins_with_special(text)).to(self.model.device)
        ids, behind = inputs.pop("input_ids")[0].tolist(), self.prompts.ids(tail, True)
        inputs.pop("attention_mask", None)
        if ids[-len(behind):] != behind:
            raise ValueError("the processor's tokens do not end in those of the text behind the image")
        n = len(ids) - len(behind)
        prefix = Prefix(ids[:n], {}, order)
        for name, value in inputs.items():
            (prefix.per_token if name.endswith("token_type_ids") else prefix.inputs)[name] = value
        prefix.per_token = {name: value[:, :n] for name, value in prefix.per_token.items()}
        prefix.inputs = {name: value.to(self.model.dtype) if torch.is_tensor(value) and value.is_floating_point() else value
                         for name, value in prefix.inputs.items()}
        return prefix

    def fill(self, prefix):
        """Evaluates the prefix, once."""
        if prefix.cache is None:
            self.vision.key = prefix.key
            out = self.model(input_ids=self.tensor([prefix.ids]), **prefix.per_token, **prefix.inputs, use_cache=True, logits_to_keep=1)
            prefix.cache, prefix.delta = out.past_key_values, getattr(self.model.base_model, "rope_deltas", None)

    def tensor(self, rows):
        width = max(map(len, rows))
        return torch.tensor([row + [0] * (width - len(row)) for row in rows], device=self.model.device)

    # ── passes ──

    def run_shared(self, prefix, rows, first, cache=None, n_before=0):
        """Rows are filled up on the right, where a decoder does not look. A `cache` holds the n_before tokens that stand between the prefix
        and the rows."""
        ids, extra = self.tensor(rows), {}
        n, width = ids.shape
        if prefix.ids:
            self.fill(prefix)
            extra = {name: torch.zeros_like(ids) for name in prefix.per_token}
        elif hasattr(self.model.base_model, "rope_deltas"):
            self.model.base_model.rope_deltas = None  # what the last image left there
        if prefix.ids and cache is None:
            cache = copy.deepcopy(prefix.cache)
            cache.batch_repeat_interleave(n)
        if prefix.delta is not None:
            start = len(prefix.ids) + n_before
            places = torch.arange(start, start + width, device=ids.device) + prefix.delta.flatten()[0]
            extra["position_ids"] = places.expand(3, n, width)
        return self.model(input_ids=ids, **extra, past_key_values=cache, use_cache=True, logits_to_keep=width - first)

    def run_whole(self, prefix, row, first):
        """As anyone would do it: the whole sequence in one pass."""
        self.vision.key = prefix.key
        ids = self.tensor([prefix.ids + row])
        per_token = {name: torch.cat([value, value.new_zeros(1, len(row))], 1) for name, value in prefix.per_token.items()}
        return self.model(input_ids=ids, **per_token, **prefix.inputs, use_cache=False, logits_to_keep=len(row) - first)

    @torch.inference_mode()
    def run(self, prefix, rows, first, cache=None, n_before=0):
        """Log-probabilities from row `first` on, and the states of all rows' tokens."""
        out = self.run_shared(prefix, rows, first, cache, n_before) if self.share else self.run_whole(prefix, rows[0], first)
        width = max(map(len, rows))
        behind = lambda values: values[:, -width:]
        return Pass(out.logits[:, -(width - first):].float().log_softmax(-1), first, behind(self.states.raw), behind(self.states.normed),
                    [behind(self.states.layers[i]) for i in sorted(self.states.layers)], out.past_key_values)

    def batches(self, rows):
        n = self.batch if self.share else 1
        return [rows[i:i + n] for i in range(0, len(rows), n)]

    # ── questions ──

    def answer(self, query, n_generate):
        """Everything on one question, as tensors: the object of docs/exec-engine.md."""
        prefix, tail = self.prefix(query["parts"])
        bare = self.prompts.ids(tail, bool(prefix.ids))
        options, labels = query["options"], query.get("labels", [])
        words = list(dict.fromkeys(options + labels))
        answers = {w: self.prompts.answer(tail, w, bool(prefix.ids)) for w in words}
        found = {"scores": []} | (self.read_ctx(prefix, bare) if not words else {})
        seen = {}
        for some in self.batches(words):
            first = min(answers[w].start for w in some) - 1
            done = self.run(prefix, [answers[w].ids for w in some], first)
            if "ctx" not in found:
                found |= self.ctx_of(done, first)
            for b, w in enumerate(some):
                seen[w] = self.read_answer(done, b, answers[w])
        if options:
            found["options"] = torch.stack([seen[w][2] for w in options])
            found["options_normed"] = torch.stack([seen[w][3] for w in options])
        for k, option in enumerate(options):
            whole, text, *_ = seen[option]
            found["scores"].append({"logprob": whole, "logprob_text": text, "logprob_label": seen[labels[k]][1] if labels else text,
                                    "n_tokens": answers[option].end - answers[option].start})
        return found | (self.generate(prefix, bare, n_generate) if n_generate > 0 else {})

    def read_ctx(self, prefix, bare):
        return self.ctx_of(self.run(prefix, [bare], len(bare) - 1), len(bare) - 1)

    def ctx_of(self, done, row):
        found = {"ctx": done.raw[0, row], "ctx_normed": done.normed[0, row]}
        return found | ({"layers": torch.stack([layer[0, row] for layer in done.layers])} if self.states.wanted else {})

    def read_answer(self, done, b, answer):
        ids = torch.tensor(answer.ids[answer.start:], device=done.logs.device)
        rows = done.logs[b, answer.start - 1 - done.first:len(answer.ids) - 1 - done.first]
        logs = rows.gather(1, ids[:, None])[:, 0].double()
        n_text = answer.end - answer.start
        text = slice(answer.start, answer.start + max(n_text, 1))
        return float(logs.sum()), float(logs[:n_text].sum()), done.raw[b, text].mean(0), done.normed[b, text].mean(0)

    def generate(self, prefix, bare, n):
        """The greedy answer, a token at a time. The state of each is its own: that of having read it."""
        done, ids, raw, normed = self.run(prefix, [bare], len(bare) - 1), [], [], []
        while len(ids) < n and (not ids or ids[-1] not in self.ends):
            ids.append(int(done.logs[0, -1].argmax()))
            if self.share:
                done = self.run(prefix, [ids[-1:]], 0, done.cache, len(bare) + len(ids) - 1)
            else:
                done = self.run(prefix, [bare + ids], len(bare) + len(ids) - 1)
            raw.append(done.raw[0, -1])
            normed.append(done.normed[0, -1])
        text = self.prompts.tokenizer.decode(ids, skip_special_tokens=True)
        return {"text": text.replace("\0", "\ufffd"), "greedy": torch.stack(raw).mean(0),
                "greedy_normed": torch.stack(normed).mean(0)}

    # ── images ──

    @torch.inference_mode()
    def see(self):
        """The images' tokens in the request's order, their grids, and the encoder's layers."""
        key = tuple(range(len(self.images)))
        if key not in self.vision.known:  # no question has them in this order
            prefix, tail = self.prefix([{"image": i} for i in key] + [{"text": "?"}])
            self.run(prefix, [self.prompts.ids(tail, True)], 0)
        inputs = next(prefix.inputs for prefix in self.prefixes.values() if prefix.key == key)
        tokens, grids = self.vision.tokens(key, inputs)
        return {"vision": tokens, "grids": grids, "vision_layers": self.vision.encoder_layers(key)}
