#!/usr/bin/env python3
"""adapters/transformers against plain Transformers, on tiny random models of the families; and against libmtmd on the bundled model and on the tiny
models of tests/data/architectures.

    ./dev reference python3 tests/adapter.py [NAME…]

It needs PyTorch and Transformers, so `./dev test` leaves it out. Speaks TAP, and says how far apart the two are. Plain Transformers here means:
the chat template and the processor on the whole turn, one pass, no cache, no batch.
"""
import csv
import io
import json
import math
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TRANSFORMERS_VERBOSITY": "error"}

import numpy as np
import torch
import transformers as t
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parent.parent
ADAPTER = ROOT / "adapters" / "transformers" / "undertow_transformers.py"
LOGPROB, COSINE = 2e-3, 0.9999  # what libllama is held to as well
WORDS = ["Question: Which of these stands further left, the red star or the dark green circle? Options: A. B. C. blue yes no assistant user"]
TEXT = dict(hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=3, num_key_value_heads=1, max_position_embeddings=4096,
            tie_word_embeddings=False)
TOWER = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=2, image_size=56, patch_size=14)

CHATML = ("{% for m in messages %}<|im_start|>{{ m.role }}\n{% for p in m.content %}{% if p.type == 'image' %}IMAGE{% else %}{{ p.text }}{% endif %}"
          "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
VICUNA = ("{% for m in messages %}{{ m.role.upper() }}: {% for p in m.content %}{% if p.type == 'image' %}<image>\n{% else %}{{ p.text }}{% endif %}"
          "{% endfor %} {% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}")


# ── tiny models ────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def tokenizer(*specials, **options):
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *specials]
    bpe.train_from_iterator(WORDS, trainers.BpeTrainer(vocab_size=400, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
                                                      special_tokens=names))
    return t.PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>", **options)


def text_config(tok, kind, **more):
    return kind(**TEXT, vocab_size=len(tok), eos_token_id=tok.eos_token_id, pad_token_id=tok.pad_token_id, bos_token_id=None, **more)


def llava_onevision():
    tok = tokenizer("<image>", "<video>")
    config = t.LlavaOnevisionConfig(
        vision_config=t.SiglipVisionConfig(**TOWER, vision_use_head=False), text_config=text_config(tok, t.Qwen2Config), vision_feature_layer=-1,
        vision_feature_select_strategy="full", image_token_index=tok.convert_tokens_to_ids("<image>"),
        video_token_index=tok.convert_tokens_to_ids("<video>"), image_grid_pinpoints=[[56, 112], [112, 56], [112, 112], [112, 168], [168, 112]])
    size = dict(height=56, width=56)
    images = t.LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=config.image_grid_pinpoints)
    videos = t.LlavaOnevisionVideoProcessor(size=size)
    return t.LlavaOnevisionForConditionalGeneration(config), t.LlavaOnevisionProcessor(
        images, tok, videos, num_image_tokens=16, vision_feature_select_strategy="full", chat_template=CHATML.replace("IMAGE", "<image>\n"))


def llava():
    tok = tokenizer("<image>", "<s>", bos_token="<s>")
    config = t.LlavaConfig(vision_config=t.CLIPVisionConfig(**TOWER, projection_dim=16), text_config=text_config(tok, t.LlamaConfig),
                           image_token_index=tok.convert_tokens_to_ids("<image>"))
    images = t.CLIPImageProcessor(size=dict(shortest_edge=56), crop_size=dict(height=56, width=56))
    return t.LlavaForConditionalGeneration(config), t.LlavaProcessor(
        images, tok, patch_size=14, vision_feature_select_strategy="default", num_additional_image_tokens=1, chat_template=VICUNA)


def internvl():
    tok = tokenizer("<IMG_CONTEXT>", "<img>", "</img>", "<video>", start_image_token="<img>", end_image_token="</img>",
                    context_image_token="<IMG_CONTEXT>", video_token="<video>")
    token = tok.convert_tokens_to_ids
    config = t.InternVLConfig(
        vision_config=t.InternVLVisionConfig(**TOWER | dict(image_size=[56, 56], patch_size=[14, 14])), text_config=text_config(tok, t.Qwen2Config),
        image_token_id=token("<IMG_CONTEXT>"), downsample_ratio=0.5)
    images = t.GotOcr2ImageProcessor(size=dict(height=56, width=56), crop_to_patches=True, max_patches=6)
    videos = t.InternVLVideoProcessor(size=dict(height=56, width=56))
    return t.InternVLForConditionalGeneration(config), t.InternVLProcessor(
        images, tok, videos, image_seq_length=4, chat_template=CHATML.replace("IMAGE", "<IMG_CONTEXT>\n"))


QWEN_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
ROPE = dict(rope_type="default", rope_theta=1e4, mrope_section=[2, 3, 3])


def qwen(config_class, model_class, processor_class, video_processor, patch, vision, **rope):
    tok = tokenizer(*QWEN_TOKENS)
    start, end, image, video = map(tok.convert_tokens_to_ids, QWEN_TOKENS)
    config = config_class(
        text_config=dict(**TEXT, vocab_size=len(tok), rope_parameters=ROPE | rope, eos_token_id=tok.eos_token_id, pad_token_id=tok.pad_token_id,
                         bos_token_id=None) | (dict(head_dim=16) if rope else {}),
        vision_config=dict(vision, depth=3, num_heads=2, patch_size=patch, spatial_merge_size=2, temporal_patch_size=2),
        image_token_id=image, video_token_id=video, vision_start_token_id=start, vision_end_token_id=end)
    cell = (2 * patch) ** 2
    images = t.Qwen2VLImageProcessor(patch_size=patch, merge_size=2, size=dict(shortest_edge=4 * cell, longest_edge=64 * cell))
    template = CHATML.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    return model_class(config), processor_class(images, tok, video_processor(patch_size=patch, merge_size=2), chat_template=template)


def qwen2_vl():
    return qwen(t.Qwen2VLConfig, t.Qwen2VLForConditionalGeneration, t.Qwen2VLProcessor, t.Qwen2VLVideoProcessor, 14,
                dict(embed_dim=32, hidden_size=48, mlp_ratio=2))


def qwen2_5_vl():
    return qwen(t.Qwen2_5_VLConfig, t.Qwen2_5_VLForConditionalGeneration, t.Qwen2_5_VLProcessor, t.Qwen2VLVideoProcessor, 14,
                dict(hidden_size=32, intermediate_size=64, out_hidden_size=48, window_size=56, fullatt_block_indexes=[1]))


def qwen3_vl():
    return qwen(t.Qwen3VLConfig, t.Qwen3VLForConditionalGeneration, t.Qwen3VLProcessor, t.Qwen3VLVideoProcessor, 16,
                dict(hidden_size=32, intermediate_size=64, out_hidden_size=48, num_position_embeddings=64, deepstack_visual_indexes=[0, 1]),
                mrope_interleaved=True)


FAMILIES = [llava_onevision, llava, internvl, qwen2_vl, qwen2_5_vl, qwen3_vl]


def make(family, folder):
    torch.manual_seed(1)
    model, processor = family()
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # as drawn, a tiny model answers almost evenly
            if parameter.dim() > 1 and "norm" not in name:
                parameter.normal_(std=1.2 / math.sqrt(parameter[0].numel()))
    model.float().eval().save_pretrained(folder)
    processor.save_pretrained(folder)


# ── both sides ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Adapter:
    """The adapter, spoken to as Undertow speaks."""

    def __init__(self, folder, *more):
        self.process = subprocess.Popen([sys.executable, str(ADAPTER), "--model", str(folder), "--threads", "1", *more], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE if "--whole" not in more else subprocess.DEVNULL)
        self.hello, self.n = self.receive()[0], 0

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.stderr.read().decode()[-2000:])
        message = json.loads(line)
        body = self.process.stdout.read(message["bytes"])
        return message, body

    def ask(self, images, queries, generate=0, layers=False):
        body, places, self.n = b"", [], self.n + 1
        for image in images:
            places.append({"at": len(body), "height": image.shape[0], "width": image.shape[1]})
            body += image.tobytes()
        request = {"type": "request", "id": self.n, "bytes": len(body), "images": places, "queries": queries, "generate": generate, "layers": layers}
        self.process.stdin.write(json.dumps(request).encode() + b"\n" + body)
        self.process.stdin.flush()
        message, body = self.receive()
        assert message["id"] == self.n, message
        return unpacked(message, body)

    def end(self):
        self.process.stdin.close()
        err = self.process.stderr.read().decode() if self.process.stderr else ""
        assert self.process.wait() == 0
        return err


def unpacked(value, body):
    if isinstance(value, dict) and "shape" in value:
        return torch.frombuffer(bytearray(body[value["at"]:value["at"] + 4 * math.prod(value["shape"])]), dtype=torch.float32).reshape(value["shape"])
    if isinstance(value, dict):
        return {k: unpacked(v, body) for k, v in value.items()}
    return [unpacked(v, body) for v in value] if isinstance(value, list) else value


class Plain:
    def __init__(self, folder):
        self.model = t.AutoModelForImageTextToText.from_pretrained(folder, dtype="float32").eval()
        self.processor = t.AutoProcessor.from_pretrained(folder)

    def inputs(self, images, parts, answer=None):
        content = [{"type": "image"} if "image" in p else {"type": "text", "text": p["text"]} for p in parts]
        messages = [{"role": "user", "content": content}]
        if answer is not None:
            messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
        text = self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer is None)
        pictures = [Image.fromarray(images[p["image"]]) for p in parts if "image" in p]
        return self.processor(text=[text], images=pictures or None, return_tensors="pt")

    @torch.no_grad()
    def states(self, images, parts, answer=None):
        inputs = self.inputs(images, parts, answer)
        out = self.model(**inputs, output_hidden_states=True, use_cache=False)
        return inputs, inputs["input_ids"][0], out

    def score(self, images, parts, answer):
        """Of the whole turn behind the prompt: log p, and the mean state of the answer's tokens after the final norm."""
        _, ids, out = self.states(images, parts, answer)
        start = len(self.inputs(images, parts)["input_ids"][0])
        logs = out.logits[0].double().log_softmax(-1)[start - 1:-1].gather(1, ids[start:, None])[:, 0]
        n = len(logs) - len(self.processor.tokenizer(self.closing(answer), add_special_tokens=False).input_ids)
        return float(logs.sum()), float(logs[:n].sum()), out.hidden_states[-1][0, start:start + n].mean(0)

    def closing(self, answer):
        """What the template writes behind an answer."""
        turn = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in (("user", "?"), ("assistant", answer))]
        return self.processor.apply_chat_template(turn, tokenize=False).rpartition(answer)[2]

    @torch.no_grad()
    def greedy(self, images, parts, n):
        inputs = self.inputs(images, parts)
        out = self.model.generate(**inputs, do_sample=False, max_new_tokens=n)
        return self.processor.tokenizer.decode(out[0, len(inputs["input_ids"][0]):], skip_special_tokens=True)

    @torch.no_grad()
    def vision(self, images, parts):
        """The tokens in place of the images, without those that end a row."""
        inputs = self.inputs(images, parts)
        names = [n for n in inputs if n not in ("input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids")]
        pooled = self.model.model.get_image_features(**{n: inputs[n] for n in names}).pooler_output
        tokens = torch.cat([piece.reshape(-1, piece.shape[-1]) for piece in pooled])
        newline = getattr(self.model.model, "image_newline", None)
        return tokens if newline is None else tokens[(tokens != newline).any(1)]


def cosine(a, b):
    return float(torch.nn.functional.cosine_similarity(a.double().flatten(), b.double().flatten(), 0))


class Worst:
    def __init__(self):
        self.logprob, self.cosine = 0.0, 1.0

    def hold(self, a, b):
        self.logprob = max(self.logprob, abs(a - b))
        assert abs(a - b) < LOGPROB, (a, b)

    def hold_vector(self, a, b):
        assert a.shape == b.shape and torch.isfinite(a).all(), (a.shape, b.shape)
        self.cosine = min(self.cosine, cosine(a, b))
        assert cosine(a, b) > COSINE and torch.allclose(a.norm(), b.norm().float(), rtol=1e-3), (cosine(a, b), a.norm(), b.norm())


def compare(worst, plain, images, query, answer, generate):
    parts = query["parts"]
    for k, option in enumerate(query["options"]):
        whole, text, mean = plain.score(images, parts, option)
        worst.hold(answer["scores"][k]["logprob"], whole)
        worst.hold(answer["scores"][k]["logprob_text"], text)
        worst.hold(answer["scores"][k]["logprob_label"], plain.score(images, parts, query["labels"][k])[1] if "labels" in query else text)
        worst.hold_vector(answer["options_normed"][k], mean)
    _, _, out = plain.states(images, parts)
    worst.hold_vector(answer["ctx_normed"], out.hidden_states[-1][0, -1])
    for layer, state in enumerate(out.hidden_states[1:-1]):
        worst.hold_vector(answer["layers"][layer], state[0, -1])
    worst.hold_vector(answer["ctx"], answer["layers"][-1])
    norm = plain.model.model.language_model.norm
    worst.hold_vector(norm(answer["ctx"]).detach(), answer["ctx_normed"])
    said = plain.greedy(images, parts, generate).replace("\0", "\ufffd")  # which the protocol does not carry
    assert answer["text"] == said, (answer["text"], said)


def scene(seed, height, width):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


MCQ = "Question: Which of these stands further left?\nOptions:\nA. red star\nB. blue\nC. the dark green circle\nPlease select the correct answer."
OPTIONS = dict(options=["red star", "blue", "the dark green circle"], labels=["A", "B", "C"])


def test_family(family, tmp):
    make(family, tmp)
    plain, adapter, worst = Plain(tmp), Adapter(tmp), Worst()
    assert adapter.hello["identity"]["evaluation"] == "shared, 16 at once", adapter.hello["identity"]
    # One image: the open prompt, one with options, and one with two words alone, together.
    one, two = scene(1, 120, 200), scene(2, 90, 64)
    first = [{"image": 0}]
    queries = [dict(parts=first + [{"text": "Question: Which?"}], options=[]), dict(parts=first + [{"text": MCQ}], **OPTIONS),
               dict(parts=first + [{"text": "Is it blue?"}], options=["Yes", "No"])]
    got = adapter.ask([one], queries, generate=6, layers=True)
    for query, answer in zip(queries, got["answers"], strict=True):
        compare(worst, plain, [one], query, answer, 6)
    worst.hold_vector(got["vision"], plain.vision([one], queries[0]["parts"]))
    assert sum(math.prod(grid) for grid in got["grids"]) == len(got["vision"]), got["grids"]
    assert got["vision_layers"].shape[0] == 3, got["vision_layers"].shape
    # Alone, a question gives what it gives in company.
    assert same(adapter.ask([one], queries[1:2], generate=6, layers=True)["answers"][0], got["answers"][1])
    # No image; and two, apart and in the other order.
    bare = [dict(parts=[{"text": MCQ}], **OPTIONS)]
    compare(worst, plain, [], bare[0], adapter.ask([], bare, generate=6, layers=True)["answers"][0], 6)
    mixed = [dict(parts=[{"text": "In "}, {"image": 1}, {"text": " and "}, {"image": 0}, {"text": " which? " + MCQ}], **OPTIONS)]
    got = adapter.ask([one, two], mixed, generate=6, layers=True)
    compare(worst, plain, [one, two], mixed[0], got["answers"][0], 6)
    worst.hold_vector(got["vision"], plain.vision([one, two], [{"image": 0}, {"image": 1}, {"text": "?"}]))
    # A question that cannot be asked costs no other.
    broken = adapter.ask([one], [dict(parts=first + [{"text": plain.processor.image_token}], options=["a", "b"])])
    assert broken["type"] == "error" and "image" in broken["message"], broken
    assert adapter.ask([one], queries[2:])["type"] == "answer"
    adapter.end()
    return worst


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return torch.equal(a, b) if torch.is_tensor(a) else a == b


def run(out, *args):
    done = subprocess.run(["undertow", "run", "-o", str(out), "-q", *map(str, args)], capture_output=True, text=True)
    assert done.returncode == 0, done
    show = lambda view: list(csv.DictReader(io.StringIO(subprocess.run(
        ["undertow", "show", str(out), view, "--format", "csv"], capture_output=True, text=True, check=True).stdout)))
    return show


def compare_runs(ours, theirs):
    """The same run by libmtmd and by the adapter: scores, vectors and greedy texts."""
    worst = Worst()
    scores = [{(r["id"], r["variant"], r["option"]): r for r in show("scores")} for show in (ours, theirs)]
    assert scores[0].keys() == scores[1].keys() and len(scores[0]) > 20
    for key, row in scores[0].items():
        for column in ("logprob", "logprob_text", "logprob_letter", "logprob_no_image"):
            if row[column]:
                worst.hold(float(row[column]), float(scores[1][key][column]))
        assert row["n_tokens"] == scores[1][key]["n_tokens"]
    vectors = [{(r["id"], r["variant"], r["channel"]): torch.tensor([float(x) for x in r["vector"].split()]) for r in show("embeddings")}
               for show in (ours, theirs)]
    assert vectors[0].keys() == vectors[1].keys()
    for key, vector in vectors[0].items():
        worst.hold_vector(vectors[1][key], vector)
    assert [r["text"] for r in ours("generations")] == [r["text"] for r in theirs("generations")]
    return worst


def by_adapter(folder):
    return ["--engine", "exec", "--command", shlex.join([sys.executable, str(ADAPTER), "--model", str(folder), "--threads", "1"])]


def test_bundled(tmp):
    """`undertow run` with libmtmd and with the adapter, on the same questions: the small bundled model. Variants keep the image's size, which is
    one that the model takes: the two resize differently."""
    sys.path.insert(0, str(ROOT / "models"))
    import reference
    import shape
    model, tok = reference.load(str(ROOT / "models" / "small.gguf"), str(ROOT / "models" / "small-mmproj.gguf"))
    shape.save_checkpoint(str(tmp / "hf"), model, tok)
    asked = ["-d", "bundled:perception", "--limit", 12, "-p", "translation,photometric", "--generate", 8, "--layers"]
    return compare_runs(run(tmp / "llama", "-m", "bundled:small", "-t", 1, *asked), run(tmp / "exec", *by_adapter(tmp / "hf"), *asked))


def test_architecture(name, tmp):
    """The same of a tiny model of a family that libmtmd knows: its files there, its checkpoint made anew."""
    sys.path.insert(0, str(ROOT / "tests" / "oracle"))
    import architectures
    seed = list(architectures.FAMILIES).index(name)
    make, pre, sizes, _ = architectures.FAMILIES[name]
    model, processor = make()
    architectures.fill(model, seed)
    architectures.save(model, processor, pre, tmp / "hf")
    width, height, *vary = sizes[0][0]
    # The small vocabulary of Gemma 3 joins a letter with the line's end before it.
    columns, cells = (["answer"], ["yes"]) if name == "gemma3" else (["A", "B", "C", "answer"], ["red", "dark green", "blue", "A"])
    rows = [["question", "image", *columns]]
    for i in range(3):
        Image.fromarray(architectures.pattern(width, height, i, *vary)).save(tmp / f"{i}.png")
        rows.append(["Is it as it was?", f"{i}.png", *cells])
    with open(tmp / "own.csv", "w", newline="") as out:
        csv.writer(out).writerows(rows)
    files = ROOT / "tests" / "data" / "architectures" / name
    asked = ["-d", tmp / "own.csv", "-p", "translation:4,8", "--layers"]
    return compare_runs(run(tmp / "llama", "-m", f"{files}.gguf", "--mmproj", f"{files}-mmproj.gguf", "-t", 1, *asked),
                        run(tmp / "exec", *by_adapter(tmp / "hf"), *asked))


def main():
    tests = [(f.__name__, lambda tmp, f=f: test_family(f, tmp)) for f in FAMILIES] + [("bundled", test_bundled)]
    tests += [(f"libmtmd-{name}", lambda tmp, name=name: test_architecture(name, tmp)) for name in ("qwen2vl", "qwen25vl", "qwen3vl", "smolvlm", "gemma3")]
    tests = [(name, f) for name, f in tests if not sys.argv[1:] or name in sys.argv[1:]]
    torch.set_num_threads(1)
    print(f"1..{len(tests)}")
    failed = 0
    for i, (name, f) in enumerate(tests, 1):
        folder = Path(tempfile.mkdtemp())
        try:
            worst = f(folder)
            print(f"ok {i} {name}\n# log-probabilities within {worst.logprob:.1e}, 1 - cosine below {max(1 - worst.cosine, 0):.1e}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {i} {name}\n# " + traceback.format_exc()[-3000:].replace("\n", "\n# "), flush=True)
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
