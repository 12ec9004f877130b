#!/usr/bin/env python3
"""Models by their name on the hub, fetched from an imitation of it (hub.py). Speaks TAP.

Usage: test-fetch.py UNDERTOW [TEST…]
"""
import csv, hashlib, io, os, pty, resource, shutil, signal, ssl, struct, subprocess, sys, threading, time
from pathlib import Path

import tap
from hub import Hub, Repo, cut, git_hash, other, redirect, shifted, stall, status, whole

UNDERTOW = sys.argv[1]
MODELS = Path(__file__).resolve().parent.parent / "models"
MODEL, Q8_0, MMPROJ = ((MODELS / name).read_bytes() for name in ("small.gguf", "small-q8_0.gguf", "small-mmproj.gguf"))
TOKEN = "hf_" + "a" * 34
PARTIAL = ".downloadInProgress"
OURS = ("HF_", "HUGGINGFACE_", "LLAMA_", "MODEL_ENDPOINT", "XDG_CACHE_HOME", "SSL_CERT_FILE", "http_proxy", "https_proxy", "all_proxy", "HTTP", "ALL_PROXY")


def tiny():
    return Repo({"README.md": b"words", "mmproj-tiny-F16.gguf": MMPROJ, "tiny-F16.gguf": MODEL, "tiny-Q8_0.gguf": Q8_0})


def environment(hub, tmp, **more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    return {**kept, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp / "home"), "OPENBLAS_NUM_THREADS": "1", **more}


def arguments(name, out, *more, engine="mock"):
    return [UNDERTOW, "run", "--engine", engine, "-t", "1", "-hf", name, "-d", "bundled:presence", "--limit", "1", "-p", "scale", "-o", str(out),
            *map(str, more)]


def run(hub, tmp, name, *more, out="run", engine="mock", env={}, **kwargs):
    """A small run; the mock engine reads no model, so that what is fetched is all that is tested."""
    return subprocess.run(arguments(name, tmp / out, *more, engine=engine), env=environment(hub, tmp, **env), capture_output=True, text=True,
                          timeout=120, **kwargs)


def good(done):
    assert done.returncode == 0, done
    return done


def bad(done, *words, code=1):
    assert done.returncode == code, done
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("note: ", "fetching "))]
    assert lines and lines[0].startswith("undertow run: ") and all(line.startswith("  ") for line in lines[1:]), done.stderr
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    return done


def show(run, view):
    shown = subprocess.run([UNDERTOW, "show", run, view, "--format", "csv"], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    return list(csv.DictReader(io.StringIO(shown.stdout)))


def identity(run):
    return {row["key"]: row["value"] for row in show(run, "identity")}


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def cached(tmp, name):
    """The files of a repository in the cache, by their path below its folder; of a link, where it leads."""
    folder = tmp / "home" / "hub" / ("models--" + name.replace("/", "--"))
    found = sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
    return {str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else path.read_bytes() for path in found}


def everything(tmp):
    return sorted(str(path.relative_to(tmp)) for path in tmp.rglob("*"))


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


# ── tests: every function whose name begins with test_ ──────────────────────────────────────────────────────────────────────────────


def test_first_fetch_and_run(tmp):
    """A real run on what was fetched: the same as on the file itself, and the same run, whatever the model is called."""
    with Hub() as hub:
        repo = hub.repos["user/tiny-GGUF"] = tiny()
        done = good(run(hub, tmp, "user/tiny-GGUF:q8_0", engine="llama"))
    assert "user/tiny-GGUF:q8_0" in done.stderr and "scale" in done.stdout, done
    snapshot = f"snapshots/{repo.commit}"
    assert cached(tmp, "user/tiny-GGUF") == {
        f"blobs/{sha256(Q8_0)}": Q8_0, f"blobs/{sha256(MMPROJ)}": MMPROJ, "refs/main": repo.commit.encode(),
        f"{snapshot}/tiny-Q8_0.gguf": f"../../blobs/{sha256(Q8_0)}", f"{snapshot}/mmproj-tiny-F16.gguf": f"../../blobs/{sha256(MMPROJ)}"}
    of_run = identity(tmp / "run")
    assert (of_run["model file"], of_run["model sha256"], of_run["mmproj sha256"]) == ("user/tiny-GGUF:q8_0", sha256(Q8_0), sha256(MMPROJ)), of_run

    # The files decide, not their names: the same run goes on with the file itself.
    own = [UNDERTOW, "run", "-t", "1", "-m", MODELS / "small-q8_0.gguf", "--mmproj", MODELS / "small-mmproj.gguf", "-d", "bundled:presence", "--limit", "1",
           "-p", "scale", "-o"]
    for out in "run", "own":
        again = subprocess.run([*own, tmp / out], capture_output=True, text=True, timeout=120)
        assert again.returncode == 0 and ("(resumed)" in again.stderr) == (out == "run"), again.stderr
    assert show(tmp / "run", "trials") == show(tmp / "own", "trials")


def test_cached(tmp):
    """Once here, neither network nor hub is needed."""
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        bad(run(hub, tmp, "user/tiny", "--offline"), "--offline", "cached", str(tmp / "home"))
        assert hub.log == [], hub.log
        good(run(hub, tmp, "user/tiny"))
        asked = len(hub.log)
        good(run(hub, tmp, "user/tiny", "--offline"))
        assert len(hub.log) == asked, hub.log
        good(run(hub, tmp, "user/tiny"))
        assert [a.path for a in hub.log[asked:] if "/api/" not in a.path] == [], hub.log[asked:]
        bad(run(hub, tmp, "user/tiny:F16", "--offline"), "F16", "it has Q8_0", str(tmp / "home"))
        hub.fault("refs", status(403))
        assert "403" in good(run(hub, tmp, "user/tiny")).stderr
    gone = good(run(hub, tmp, "user/tiny:Q8_0"))
    assert "cannot be reached" in gone.stderr and "cached" in gone.stderr and "resumed" in gone.stderr, gone.stderr
    assert good(run(hub, tmp, "user/tiny", "-q")).stderr == ""
    bad(run(hub, tmp, "user/tiny:F16"), "cannot be reached", "HF_ENDPOINT")
    bad(run(hub, tmp, "user/other"), "cannot be reached", "HF_ENDPOINT")


def test_default_quant(tmp):
    with Hub() as hub:
        hub.repos["user/tiny"] = Repo({"mmproj-F16.gguf": MMPROJ, "tiny-F16.gguf": MODEL, "tiny-Q8_0.gguf": b"no model", "tiny-q4_k_m.gguf": Q8_0})
        good(run(hub, tmp, "user/tiny"))
    assert identity(tmp / "run")["model sha256"] == sha256(Q8_0)


def test_drops(tmp):
    """A connection that is lost is taken up where it was lost."""
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        hub.fault("tiny-Q8_0.gguf", cut(100_000), cut(50_000), status(503))
        hub.fault("refs", cut(5))
        good(run(hub, tmp, "user/tiny"))
        ranges = [a.headers.get("Range") for a in hub.asked("GET", "tiny-Q8_0.gguf") if a.server == "store"]
    assert ranges == [None, "bytes=100000-", "bytes=150000-", "bytes=150000-"], ranges
    assert cached(tmp, "user/tiny")[f"blobs/{sha256(Q8_0)}"] == Q8_0


def test_drops_for_good(tmp):
    """In the end it gives up, and the next command goes on."""
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        hub.fault("tiny-Q8_0.gguf", cut(100_000), *4 * [cut(0)])
        bad(run(hub, tmp, "user/tiny"), "tiny-Q8_0.gguf", "lost", "same command")
        part = f"blobs/{sha256(Q8_0)}{PARTIAL}"
        assert cached(tmp, "user/tiny")[part] == Q8_0[:100_000]
        hub.faults.clear()
        hub.log.clear()
        good(run(hub, tmp, "user/tiny"))
        assert [a.headers.get("Range") for a in hub.asked("GET", "tiny-Q8_0.gguf")] == 2 * ["bytes=100000-"]
    assert part not in cached(tmp, "user/tiny")


def test_server_without_ranges(tmp):
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        hub.fault("tiny-Q8_0.gguf", cut(100_000), whole)
        hub.fault("mmproj-tiny-F16.gguf", cut(100_000), shifted, cut(1))
        good(run(hub, tmp, "user/tiny"))
    files = cached(tmp, "user/tiny")
    assert files[f"blobs/{sha256(Q8_0)}"] == Q8_0 and files[f"blobs/{sha256(MMPROJ)}"] == MMPROJ


def test_interrupted(tmp):
    until = threading.Event()
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        hub.fault("tiny-Q8_0.gguf", stall(200_000, until))
        process = subprocess.Popen(arguments("user/tiny", tmp / "run"), env=environment(hub, tmp), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        part = f"blobs/{sha256(Q8_0)}{PARTIAL}"
        wait_for(lambda: len(cached(tmp, "user/tiny").get(part, b"")) >= 200_000)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        until.set()
        assert process.returncode == 130 and "same command" in err and "trials" not in err, (process.returncode, err)
        kept = cached(tmp, "user/tiny")
        assert list(kept) == [part] and Q8_0.startswith(kept[part]) and not (tmp / "run").exists(), list(kept)
        good(run(hub, tmp, "user/tiny"))
        assert hub.asked("GET", "tiny-Q8_0.gguf")[-1].headers.get("Range") == f"bytes={len(kept[part])}-"
    assert identity(tmp / "run")["model sha256"] == sha256(Q8_0)


def test_two_at_once(tmp):
    until = threading.Event()
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        hub.fault("tiny-Q8_0.gguf", stall(100_000, until))
        errs = [tmp / "err0", tmp / "err1"]
        both = [subprocess.Popen(arguments("user/tiny", tmp / f"run{i}"), env=environment(hub, tmp), stdout=subprocess.DEVNULL, stderr=err.open("w"))
                for i, err in enumerate(errs)]
        wait_for(lambda: any("another process" in err.read_text() for err in errs))
        until.set()
        assert [process.wait(timeout=100) for process in both] == [0, 0], [err.read_text() for err in errs]
        first, *others = [a.headers.get("Range") for a in hub.asked("GET", "tiny-Q8_0.gguf") if a.server == "store"]
        assert first is None and all(range_ is not None for range_ in others), others
    files = cached(tmp, "user/tiny")
    assert files[f"blobs/{sha256(Q8_0)}"] == Q8_0 and not any(name.endswith(PARTIAL) for name in files), list(files)


def test_passing_errors(tmp):
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        hub.fault("refs", status(503))
        hub.fault("tree", status(429), status(500))
        hub.fault("tiny-Q8_0.gguf", status(502), status(504))
        good(run(hub, tmp, "user/tiny"))
        assert len(hub.asked("GET", "/refs")) == 2 and len(hub.asked("GET", "/tree/")) == 3, hub.log
        assert not any(hub.faults.values()), hub.faults


def test_token(tmp):
    """It goes to the hub, and never to where that redirects."""
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        hub.repos["user/tiny"].token = TOKEN
        bad(run(hub, tmp, "user/tiny"), "401", "HF_TOKEN")
        bad(run(hub, tmp, "user/tiny", env={"HF_TOKEN": "hf_wrong"}), "401", "not valid")
        bad(run(hub, tmp, "user/none", env={"HF_TOKEN": TOKEN}), "404", "name")
        bad(run(hub, tmp, "user/none"), "401", "none of that name")
        hub.log.clear()
        good(run(hub, tmp, "user/tiny", env={"HF_TOKEN": TOKEN}))
        told = {server: {a.headers.get("Authorization") for a in hub.log if a.server == server} for server in ("hub", "store")}
    assert told == {"hub": {"Bearer " + TOKEN}, "store": {None}}, told
    assert TOKEN not in str(identity(tmp / "run"))
    bad(run(hub, tmp, "user/tiny", env={"HF_TOKEN": "a\r\nX: b"}), "HF_TOKEN", code=2)


def test_gated(tmp):
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        hub.repos["user/tiny"].gated = True
        bad(run(hub, tmp, "user/tiny", env={"HF_TOKEN": TOKEN}), "403", "restricted", f"ask for access on {hub.endpoint}/user/tiny")
    assert all(name.endswith(PARTIAL) for name in cached(tmp, "user/tiny")), cached(tmp, "user/tiny")


def test_what_is_not_there(tmp):
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        hub.repos["user/text"] = Repo({"tiny-Q8_0.gguf": Q8_0})
        hub.repos["user/torch"] = Repo({"model.safetensors": b"x"})
        bad(run(hub, tmp, "user/tiny:Q2_K"), "Q2_K", "it has F16, Q8_0")
        bad(run(hub, tmp, "user/text"), "no mmproj", "--mmproj")
        bad(run(hub, tmp, "user/torch"), "GGUF")
        good(run(hub, tmp, "user/text", "--mmproj", MODELS / "small-mmproj.gguf"))
        bad(run(hub, tmp, "user/tiny", "-d", tmp / "none.csv", out="x"), "none.csv")
        assert not any("resolve/" in a.path and "user/tiny" in a.path for a in hub.log), "a wrong dataset is told before a model is fetched"


def test_beside_files(tmp):
    """As in llama.cpp: --mmproj goes before the repository's, -hf before -m."""
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        good(run(hub, tmp, "user/tiny", "--mmproj", MODELS / "medium-mmproj.gguf"))
        assert not hub.asked("GET", "resolve/" + hub.repos["user/tiny"].commit + "/mmproj"), hub.log
        assert identity(tmp / "run")["mmproj sha256"] == sha256((MODELS / "medium-mmproj.gguf").read_bytes())
        done = good(run(hub, tmp, "user/tiny", "-m", "/nonexistent.gguf", out="other"))
    assert "-m is not used" in done.stderr and identity(tmp / "other")["model sha256"] == sha256(Q8_0), done.stderr
    # Further spellings.
    for option in "-hfr", "--hf-repo":
        again = arguments("user/tiny", tmp / "other", "--offline")
        again[again.index("-hf")] = option
        done = subprocess.run(again, env=environment(hub, tmp), capture_output=True, text=True, timeout=60)
        assert "resumed" in good(done).stderr


def test_bad_names(tmp):
    with Hub() as hub:
        for name in "tiny", "a/b/c", "../tiny", "user/..", "user/tiny:", "user/tiny:a/b", "http://user/tiny":
            bad(run(hub, tmp, name), "user/repo:quant", code=2)
        bad(run(hub, tmp, "user/tiny", env={"HF_ENDPOINT": "file:///etc"}), "HF_ENDPOINT", code=2)
        bad(run(hub, tmp, "user/tiny", env={"MODEL_ENDPOINT": "nonsense"}), "MODEL_ENDPOINT", code=2)
        assert hub.log == [], hub.log
    assert everything(tmp) == []


def test_endpoint(tmp):
    """MODEL_ENDPOINT goes before HF_ENDPOINT; slashes at its end are none of the path."""
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        good(run(hub, tmp, "user/tiny", env={"MODEL_ENDPOINT": hub.endpoint + "//", "HF_ENDPOINT": "http://127.0.0.1:1"}))


def test_wrong_content(tmp):
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        flipped = Q8_0[:1000] + bytes([Q8_0[1000] ^ 1]) + Q8_0[1001:]
        hub.fault("tiny-Q8_0.gguf", other(flipped))
        bad(run(hub, tmp, "user/tiny"), "checksum", sha256(flipped), sha256(Q8_0), "removed")
        assert not any(sha256(Q8_0) in name for name in cached(tmp, "user/tiny")), list(cached(tmp, "user/tiny"))
        good(run(hub, tmp, "user/tiny"))

        # What another program left of it is not of it.
        blob = tmp / "home" / "hub" / "models--user--tiny" / "blobs" / sha256(MODEL)
        Path(str(blob) + PARTIAL).write_bytes(b"x" * 1000)
        bad(run(hub, tmp, "user/tiny:F16", out="x"), "checksum")
        good(run(hub, tmp, "user/tiny:F16", out="x"))


def test_wrong_length(tmp):
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        hub.fault("tiny-Q8_0.gguf", other(Q8_0 + b"more"))
        bad(run(hub, tmp, "user/tiny"), "more than", str(len(Q8_0)))
        shutil.rmtree(tmp / "home")
        hub.fault("tiny-Q8_0.gguf", other(Q8_0[:-100]), *4 * [status(416)])
        bad(run(hub, tmp, "user/tiny"), "416")
        # Here, but not as long as it should be: fetched anew.
        blob = tmp / "home" / "hub" / "models--user--tiny" / "blobs" / sha256(Q8_0)
        hub.faults.clear()
        good(run(hub, tmp, "user/tiny"))
        blob.write_bytes(Q8_0[:5000])
        good(run(hub, tmp, "user/tiny"))
        assert blob.read_bytes() == Q8_0


def test_hostile_names(tmp):
    """Whatever the hub calls its files, commits and branches, nothing is written outside the cache."""
    hostile = ["../../../../../../evil-Q6_K.gguf", "/tmp/evil-Q6_K.gguf", "a/../../../../evil-Q6_K.gguf", "a//evil-Q6_K.gguf", "evil\0-Q6_K.gguf",
               "\x1b[2Jevil-Q6_K.gguf", "e" * 300 + "-Q6_K.gguf", "a/" * 2000 + "evil-Q6_K.gguf", "./evil-Q6_K.gguf", ""]
    with Hub() as hub:
        repo = hub.repos["user/tiny"] = tiny()
        repo.listed = [{"type": "file", "path": path, "size": len(MODEL), "oid": git_hash(b""), "lfs": {"oid": sha256(MODEL), "size": len(MODEL)}}
                       for path in hostile]
        repo.listed += [{"type": "file", "path": "evil-Q6_K.gguf", "size": 1, "lfs": {"oid": "../../../../../../evil"}}, {"type": "file"}, 7]
        bad(run(hub, tmp, "user/tiny:Q6_K"), "it has F16, Q8_0")
        assert everything(tmp) == [], everything(tmp)
        repo.branch = "../../../../../evil"
        bad(run(hub, tmp, "user/tiny"), "no branch")
        repo.branch, repo.commit = "main", "../../../../../../../../../../evil"
        bad(run(hub, tmp, "user/tiny"), "no branch")
        assert everything(tmp) == [], everything(tmp)
        hub.fault("refs", other(b"<html>"))
        bad(run(hub, tmp, "user/tiny"), "user/tiny", "form")

        # A name that is a folder of another's.
        repo.branch, repo.commit = "dev/1", "f" * 40
        repo.files = {"m.gguf": Q8_0, "m.gguf/mmproj.gguf": MMPROJ}
        bad(run(hub, tmp, "user/tiny", "--mmproj", MODELS / "small-mmproj.gguf", "-d", "none"), "none")
        bad(run(hub, tmp, "user/tiny"), "no mmproj")
        good(run(hub, tmp, "user/tiny", "--mmproj", MODELS / "small-mmproj.gguf"))
    assert {name.split("/")[0] for name in everything(tmp)} == {"home", "run"}, everything(tmp)
    assert cached(tmp, "user/tiny")["refs/dev/1"] == b"f" * 40


def test_links_of_others(tmp):
    """A link where the unfinished file belongs is not followed."""
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        victim = tmp / "victim"
        victim.write_bytes(b"stays")
        blobs = tmp / "home" / "hub" / "models--user--tiny" / "blobs"
        blobs.mkdir(parents=True)
        (blobs / (sha256(Q8_0) + PARTIAL)).symlink_to(victim)
        bad(run(hub, tmp, "user/tiny"), PARTIAL)
    assert victim.read_bytes() == b"stays"


def test_redirects(tmp):
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        secret = tmp / "secret"
        secret.write_bytes(Q8_0)
        hub.fault("tiny-Q8_0.gguf", redirect(secret.as_uri()))
        bad(run(hub, tmp, "user/tiny"), "redirects", 'Protocol "file"')
        hub.fault("tiny-Q8_0.gguf", *20 * [redirect(f"{hub.store}/{sha256(Q8_0)}/tiny-Q8_0.gguf")])
        bad(run(hub, tmp, "user/tiny"), "redirects", "Maximum")
    assert cached(tmp, "user/tiny")[f"blobs/{sha256(Q8_0)}{PARTIAL}"] == b""


def test_odd_hubs(tmp):
    """Small files go by git's hash; a mirror may tell neither hashes nor sizes; a listing may come in pages."""
    with Hub() as hub:
        repo = hub.repos["user/small"] = Repo({"a folder/mmproj ü.gguf": MMPROJ, "a folder/tiny %20-Q8_0.gguf": Q8_0}, large=False, page=1)
        good(run(hub, tmp, "user/small"))
        assert cached(tmp, "user/small")[f"blobs/{git_hash(Q8_0)}"] == Q8_0
        assert cached(tmp, "user/small")[f"snapshots/{repo.commit}/a folder/tiny %20-Q8_0.gguf"] == f"../../../blobs/{git_hash(Q8_0)}"
        assert len(hub.asked("GET", "/tree/")) == 3
        hub.fault("a folder/tiny %20-Q8_0.gguf", other(b"x" * len(Q8_0)))
        shutil.rmtree(tmp / "home")
        bad(run(hub, tmp, "user/small"), "checksum")

        for large in False, True:
            name = f"user/bare{large}"
            repo = hub.repos[name] = Repo({"mmproj.gguf": MMPROJ, "tiny-Q8_0.gguf": Q8_0}, large=large, bare=True)
            hub.fault("tiny-Q8_0.gguf", cut(1000))
            good(run(hub, tmp, name))
            assert cached(tmp, name)[f"snapshots/{repo.commit}/tiny-Q8_0.gguf"] == Q8_0
            good(run(hub, tmp, name, "--offline"))
        hub.log.clear()
        good(run(hub, tmp, name))
        assert not hub.asked("GET", "resolve"), hub.log

        # The redirect to the store tells a large file's hash as well.
        shutil.rmtree(tmp / "home")
        hub.fault("tiny-Q8_0.gguf", other(b"x" * len(Q8_0)))
        bad(run(hub, tmp, name), "checksum", sha256(Q8_0))


def gguf_parts(data):
    """The bytes of a GGUF file's header: the values, each tensor's description, and where the tensors' data begins."""
    n_tensors, n_values = struct.unpack_from("<QQ", data, 8)
    at = 24
    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

    def skip_string():
        nonlocal at
        at += 8 + struct.unpack_from("<Q", data, at)[0]

    def skip_value(kind):
        nonlocal at
        if kind == 8:
            skip_string()
        elif kind == 9:
            element, n = struct.unpack_from("<IQ", data, at)
            at += 12
            for _ in range(n):
                skip_value(element)
        else:
            at += sizes[kind]

    for _ in range(n_values):
        skip_string()
        at += 4
        skip_value(struct.unpack_from("<I", data, at - 4)[0])
    values, tensors = data[24:at], []
    for _ in range(n_tensors):
        begin = at
        skip_string()
        at += 4 + 8 * struct.unpack_from("<I", data, at)[0] + 4
        tensors.append((data[begin:at], struct.unpack_from("<Q", data, at)[0]))
        at += 8
    return n_values, values, tensors, -(-at // 32) * 32


def split_gguf(data, n_parts):
    """As llama.cpp splits a model: all values in the first part, the tensors shared out."""
    n_values, values, tensors, begin = gguf_parts(data)
    ends = [offset for _, offset in tensors[1:]] + [len(data) - begin]
    parts = []
    for part in range(n_parts):
        own = range(part * len(tensors) // n_parts, (part + 1) * len(tensors) // n_parts)
        numbers = b"".join(struct.pack("<Q", len(key)) + key + struct.pack(form, *value) for key, form, value in (
            (b"split.no", "<IH", (2, part)), (b"split.count", "<IH", (2, n_parts)), (b"split.tensors.count", "<Ii", (5, len(tensors)))))
        body = data[begin + tensors[own[0]][1]:begin + ends[own[-1]]]
        infos = b"".join(tensors[t][0] + struct.pack("<Q", tensors[t][1] - tensors[own[0]][1]) for t in own)
        header = b"GGUF" + struct.pack("<IQQ", 3, len(own), 3 + (n_values if part == 0 else 0)) + (values if part == 0 else b"") + numbers + infos
        parts.append(header + b"\0" * (-len(header) % 32) + body)
    return parts


def test_split_model(tmp):
    """A model in parts is evaluated as the whole is, and is another one when any part is another."""
    parts = split_gguf(Q8_0, 3)
    files = {f"q/tiny-Q8_0-{i + 1:05}-of-00003.gguf": part for i, part in enumerate(parts)}
    with Hub() as hub:
        hub.repos["user/split"] = Repo({"mmproj-F16.gguf": MMPROJ, **files})
        good(run(hub, tmp, "user/split", engine="llama"))
        hub.repos["user/tiny"] = tiny()
        good(run(hub, tmp, "user/tiny", engine="llama", out="whole"))
        assert show(tmp / "run", "trials") == show(tmp / "whole", "trials")
        assert identity(tmp / "run")["model sha256"] == sha256(b"".join(parts))

        last = "q/tiny-Q8_0-00003-of-00003.gguf"
        hub.repos["user/split"].files[last] = parts[2][:-1] + bytes([parts[2][-1] ^ 1])
        hub.repos["user/split"].commit = "b" * 40
        bad(run(hub, tmp, "user/split", engine="llama"), "model sha256", code=2)
        del hub.repos["user/split"].files[last]
        bad(run(hub, tmp, "user/split"), last, "part 3 of 3")


def test_newer_commit(tmp):
    """A newer commit takes the place of an older one when it is here, and not before."""
    with Hub() as hub:
        repo = hub.repos["user/tiny"] = tiny()
        good(run(hub, tmp, "user/tiny"))
        repo.commit, repo.files["tiny-Q8_0.gguf"] = "c" * 40, MODEL
        hub.fault("tiny-Q8_0.gguf", status(403))
        bad(run(hub, tmp, "user/tiny"), "403")
        good(run(hub, tmp, "user/tiny", "--offline"))
        hub.log.clear()
        good(run(hub, tmp, "user/tiny", out="newer"))
        assert not hub.asked("GET", "resolve/" + repo.commit + "/mmproj"), "what did not change is not fetched again"
    assert cached(tmp, "user/tiny")["refs/main"] == b"c" * 40
    assert identity(tmp / "newer")["model sha256"] == sha256(MODEL)


def test_no_room(tmp):
    with Hub() as hub:
        repo = hub.repos["user/tiny"] = tiny()
        repo.listed = [{"type": "file", "path": "huge-Q6_K.gguf", "size": 2**60, "lfs": {"oid": "0" * 64, "size": 2**60}}]
        bad(run(hub, tmp, "user/tiny:Q6_K"), "room", "EB", "HF_HOME")
        assert not hub.asked("GET", "resolve"), hub.log

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        bad(run(hub, tmp, "user/tiny", preexec_fn=limit, restore_signals=False), "cannot be written", "make room")
        good(run(hub, tmp, "user/tiny"))
        assert hub.asked("GET", "tiny-Q8_0.gguf")[-1].headers.get("Range") == "bytes=100000-"


def test_progress(tmp):
    """A bar on a terminal, nothing with -q, no bar elsewhere."""
    with Hub() as hub:
        hub.repos["user/tiny"] = tiny()
        plain = good(run(hub, tmp, "user/tiny"))
        assert "█" not in plain.stderr and "░" not in plain.stderr, plain.stderr
        shutil.rmtree(tmp / "home")
        assert good(run(hub, tmp, "user/tiny", "-q")).stderr == ""
        shutil.rmtree(tmp / "home")
        terminal, end = pty.openpty()
        done = subprocess.run(arguments("user/tiny", tmp / "run"), env=environment(hub, tmp), stdout=subprocess.DEVNULL, stderr=end, timeout=60)
        os.close(end)
        drawn = os.read(terminal, 1 << 16).decode()
        os.close(terminal)
    assert done.returncode == 0 and "█ fetching mmproj-tiny-F16.gguf" in drawn and "880.9\xa0kB of 880.9\xa0kB" in drawn and "\nmodel " in drawn, drawn


def test_https(tmp):
    """Certificates are checked, SSL_CERT_FILE has further ones, and what began safe does not go on unsafe."""
    if not shutil.which("openssl"):
        raise tap.Skip("there is no openssl to make a certificate with")
    key, certificate = tmp / "key.pem", tmp / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Hub(context) as hub, Hub() as unsafe:
        hub.repos["user/tiny"] = tiny()
        unsafe.stored[sha256(Q8_0)] = Q8_0
        bad(run(hub, tmp, "user/tiny"), "certificate", "SSL_CERT_FILE")
        safe = {"SSL_CERT_FILE": str(certificate)}
        hub.fault("tiny-Q8_0.gguf", redirect(f"{unsafe.store}/{sha256(Q8_0)}/tiny-Q8_0.gguf"))
        bad(run(hub, tmp, "user/tiny", env=safe), "http")
        assert unsafe.log == [], unsafe.log
        good(run(hub, tmp, "user/tiny", env=safe))
        unsafe.repos["user/tiny"] = tiny()
        unsafe.fault("tiny-Q8_0.gguf", redirect(f"{hub.store}/{sha256(Q8_0)}/tiny-Q8_0.gguf"))
        shutil.rmtree(tmp / "home")
        hub.log.clear()
        good(run(unsafe, tmp, "user/tiny", env=safe))
        assert hub.asked("GET", "tiny-Q8_0.gguf"), hub.log


if __name__ == "__main__":
    sys.exit(tap.run(globals()))
