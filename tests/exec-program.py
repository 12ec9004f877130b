#!/usr/bin/env python3
"""A program for the engine exec (docs/exec-engine.md): a model made of sums, right in every answer unless it is told to misbehave.

    exec-program.py [--gives NAMES] [--model NAME] [--identity TEXT] [--cut rows] [--log FILE] [--fault FAULT [--unless FILE]]

A fault of FAULTS_OF_HELLO shows at once; any other where a prompt has the word "[fault]" in it. --unless: not while FILE is there. --log
gets a line at every start, with the process's number, and one at every request. --cut rows: the first row of an image's tokens is a piece of its own.
"""
import argparse, array, hashlib, json, math, os, signal, sys, time
from pathlib import Path

N_EMBD, N_LAYERS, CELL = 8, 3, 32
ALL = ("logprob_text,logprob_label,n_tokens,no_image,ctx,ctx_normed,options,options_normed,vision,vision_layers,layers,text,greedy,"
       "greedy_normed")
FAULTS_OF_HELLO = ("remark", "version", "no protocol", "late", "early end", "unknown give", "no width", "binary")


# ── the model ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def vector(*words):
    """A direction of its own for every text, [N_EMBD], 32-bit floats."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return array.array("f", (digest[i] / 128 - 1 for i in range(N_EMBD)))


def add(a, b, share=1.0):
    return array.array("f", (x + share * y for x, y in zip(a, b)))


def cells(width, height, pixels):
    """The tokens of an image and their grid: a cell's mean colour, in other words."""
    rows, columns = -(-height // CELL), -(-width // CELL)
    tokens = []
    for y in range(0, height, CELL):
        for x in range(0, width, CELL):
            strips = [pixels[3 * (row * width + x):3 * (row * width + min(x + CELL, width))] for row in range(y, min(y + CELL, height))]
            mean = [sum(sum(s[c::3]) for s in strips) / sum(len(s) // 3 for s in strips) / 255 for c in range(3)]
            tokens.append(array.array("f", (1 + math.sin((i + 2) * mean[i % 3] + x + 3 * y) / 2 for i in range(N_EMBD))))
    return tokens, [1, rows, columns]


def flat(vectors):
    return array.array("f", (x for v in vectors for x in v))


def mean_of(vectors):
    return array.array("f", (math.fsum(column) / len(vectors) for column in zip(*vectors)))


def words_of(parts):
    return "".join(part["text"] if "text" in part else f"[{part['image']}]" for part in parts)


def score(seen, prompt, text):
    """log p of a text: a logistic of what is seen along its direction."""
    along = 4 * math.sumprod(seen, vector(prompt, text))
    return -math.log1p(math.exp(-along)) if along > -500 else along


def answer_query(query, seen, generate, layers):
    prompt, options = words_of(query["parts"]), query["options"]
    state, normed = add(seen, vector(prompt)), add(seen, vector(prompt, "normed"), 0.5)
    labels = query.get("labels", options)
    found = {"scores": [{"logprob": score(seen, prompt, o) - 0.1 * len(o), "logprob_text": score(seen, prompt, o),
                         "logprob_label": score(seen, prompt, l), "n_tokens": len(o)} for o, l in zip(options, labels)],
             "ctx": state, "ctx_normed": normed}
    if options:
        found |= {"options": flat(add(seen, vector(o)) for o in options), "options_normed": flat(add(seen, vector(o, "normed")) for o in options)}
    if generate:
        found |= {"text": f"{max(seen):.2f} {prompt}"[:generate], "greedy": add(state, vector("greedy")), "greedy_normed": add(normed, vector("greedy"))}
    if layers:
        found["layers"] = flat(add(seen, vector(prompt), (l + 1) / N_LAYERS) for l in range(N_LAYERS))
    return found


def cut_first_row(grid):
    t, h, w = grid
    return [[t, 1, w], [t, h - 1, w]]


def answer(request, body, cut=None):
    pixels = [body[i["at"]:i["at"] + 3 * i["width"] * i["height"]] for i in request["images"]]
    seen = [cells(i["width"], i["height"], p) for i, p in zip(request["images"], pixels)]
    tokens = [token for of_image, _ in seen for token in of_image]
    pooled = mean_of(tokens) if tokens else vector("no image")
    found = {"answers": [answer_query(q, pooled, request["generate"], request["layers"]) for q in request["queries"]]}
    if tokens:
        found |= {"vision": flat(tokens), "grids": [piece for _, grid in seen for piece in (cut_first_row(grid) if cut else [grid])]}
    if tokens and request["layers"]:
        found["vision_layers"] = flat(array.array("f", (x ** (l + 1) for x in pooled)) for l in range(N_LAYERS))
    return found


# ── the protocol ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def packed(value, given, body, key=None):
    """Arrays laid into body, what is not given left out."""
    if isinstance(value, array.array):
        place = {"at": len(body), "shape": [len(value) // N_EMBD, N_EMBD] if key not in SINGLE else [N_EMBD]}
        body += value.tobytes()
        return place
    if isinstance(value, dict):
        return {k: packed(v, given, body, k) for k, v in value.items() if k in given or k not in ALL.split(",")}
    return [packed(v, given, body) for v in value] if isinstance(value, list) else value


SINGLE = ("ctx", "ctx_normed", "greedy", "greedy_normed")


class Program:
    def __init__(self, args):
        self.args, self.id, self.given = args, None, args.gives.split(",") if args.gives else []
        self.out = os.fdopen(os.dup(1), "wb")
        self.log(f"start {os.getpid()}")

    def log(self, line):
        if self.args.log:
            with open(self.args.log, "a") as f:
                f.write(line + "\n")

    def fault(self):
        return None if self.args.unless and os.path.exists(self.args.unless) else self.args.fault

    def write(self, data):
        self.out.write(data)
        self.out.flush()

    def send(self, message, body=b""):
        message |= {"id": self.id}
        self.write(json.dumps(message | {"bytes": len(body)}).encode() + b"\n" + body)

    def hello(self):
        hello = {"type": "hello", "protocol": "undertow-exec", "version": 1, "model": self.args.model, "device": "abacus",
                 "versions": "sums 1.0", "n_embd": N_EMBD, "gives": self.given, "identity": {"dtype": self.args.identity}}
        match self.fault():
            case "remark":
                self.write(b"Loading checkpoint shards: 100%\n")
            case "version":
                hello["version"] = 2
            case "no protocol":
                del hello["protocol"]
            case "late":
                time.sleep(60)
            case "early end":
                print("Traceback (most recent call last):\nOSError: no such model", file=sys.stderr, flush=True)
                sys.exit(3)
            case "unknown give":
                hello["gives"] = ["ctx_norm"]
            case "no width":
                del hello["n_embd"]
            case "binary":
                self.write(bytes(range(256)) * 8 + b"\n")
        self.send(hello)

    def misbehave(self, message, body):
        """Answers, but wrongly; with no answer at all in some ways."""
        first = message["answers"][-1]
        match self.fault():
            case "exit":
                print("RuntimeError: the abacus broke", file=sys.stderr, flush=True)
                sys.exit(4)
            case "signal":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hang":
                time.sleep(60)
            case "closed":
                self.out.close()
                os.close(1)
                time.sleep(60)
            case "aside":
                return self.write(b"\x1b[31mSetting `pad_token_id` to 0\n")
            case "huge":
                return self.write(b'{"type":"answer","bytes":1000000000000}\n')
            case "negative":
                return self.write(b'{"type":"answer","bytes":-1}\n')
            case "endless":
                while True:
                    self.write(b"x" * 65536)
            case "short":
                self.write(json.dumps(message | {"type": "answer", "id": self.id, "bytes": len(body)}).encode() + b"\n" + body[:-1])
                sys.exit(0)
            case "beyond":
                first["ctx"]["at"] = len(body) - 4
            case "shape":
                first["ctx"]["shape"] = [1, N_EMBD]
            case "shape of text":
                first["ctx"] = "a vector"
            case "count":
                message["answers"].pop()
            case "scores":
                first["scores"].pop()
            case "missing":
                del first["ctx_normed"]
            case "unlisted":
                first["ctx_normed"] = first["ctx"]
            case "grids":
                message["grids"] = [[1, 2, 3]]
            case "type":
                message["type"] = "anser"
            case "list":
                return self.write(b"[1, 2]\n")
            case "nan":
                body[first["ctx"]["at"]:first["ctx"]["at"] + 4] = array.array("f", [math.nan]).tobytes()
            case "infinite":
                first["scores"][0]["logprob"] = -math.inf
            case "error":
                return self.send({"type": "error", "message": "CUDA out of memory"})
            case "twice":
                self.send({"type": "answer"} | message, bytes(body))
        self.send({"type": "answer"} | message, bytes(body))

    def answer(self, request, body):
        found = bytearray()
        message = packed(answer(request, body, self.args.cut), self.given, found)
        if any("[fault]" in words_of(query["parts"]) for query in request["queries"]):
            return self.misbehave(message, found)
        self.send({"type": "answer"} | message, bytes(found))

    def run(self):
        self.hello()
        while True:
            if self.fault() == "unasked":
                self.write(b"still here\n" * 100_000)
            line = sys.stdin.buffer.readline()
            if not line:
                return
            request = json.loads(line)
            self.id = request["id"] + (self.fault() == "id")
            self.log(f"request {len(request['queries'])} {os.environ['UNDERTOW_EXEC_VERSION']}")
            self.answer(request, sys.stdin.buffer.read(request["bytes"]))


def main():
    parser = argparse.ArgumentParser()
    for name, default in ("gives", ALL), ("model", "sums"), ("identity", "float32"), ("cut", None), ("log", None), ("fault", None), ("unless", None):
        parser.add_argument("--" + name, default=default)
    Program(parser.parse_args()).run()


if __name__ == "__main__":
    main()
