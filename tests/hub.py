"""An imitation of the model hub on 127.0.0.1, for tests: what clients ask of the real one, and faults on demand.

    with Hub () as hub:
        hub.repos["user/repo"] = Repo({"model-Q8_0.gguf": data})
        hub.fault("model-Q8_0.gguf", cut(1000), status(503))   # of this file, what goes wrong, time after time
        …HF_ENDPOINT=hub.endpoint…
        hub.asked("GET", "resolve")                            # what came in

Like the real one it answers the API and the metadata itself, and redirects to a second server, the store, for the bytes of large files.
"""
import dataclasses, hashlib, http.server, json, re, socketserver, threading, urllib.parse


@dataclasses.dataclass
class Repo:
    files: dict  # path → bytes
    commit: str = "0123456789abcdef0123456789abcdef01234567"
    token: str = None  # the only one that may read; None: anybody may
    gated: bool = False  # whoever comes with a token is refused
    large: bool = True  # files lie in the store and go by their SHA-256; otherwise by the hash that git gives them
    listed: list = dataclasses.field(default_factory=list)  # further rows of the listing, as they are
    bare: bool = False  # the listing tells neither hashes nor sizes
    branch: str = "main"
    page: int = 1000  # rows of the listing in one answer


@dataclasses.dataclass
class Asked:
    server: str  # "hub" or "store"
    method: str
    path: str
    headers: dict


# ── faults: each is what answers one request for a file, instead of the server's own answer ─────────────────────────────────────────


def status(code, **headers):
    """An error."""
    return lambda handler, data: handler.send(code, b'{"error":"made to fail"}', headers)


def cut(n):
    """The connection drops after n bytes of the answer."""
    def answer(handler, data):
        handler.send_data(data, limit=n)
        handler.close_connection = True
    return answer


def stall(n, until):
    """After n bytes as good as nothing more comes before the event, and then the connection drops: of nothing at all it would be held for lost."""
    def answer(handler, data):
        handler.send_data(data, limit=n)
        for i in range(n, len(data)):
            if until.wait(10):
                break
            handler.wfile.write(data[i:i + 1])
        handler.close_connection = True
    return answer


def whole(handler, data):
    """All of the file, whatever range was asked for."""
    handler.send(200, data)


def other(body):
    """Other bytes than the file's."""
    return lambda handler, data: handler.send_data(body)


def shifted(handler, data):
    """A range, but not the one that was asked for."""
    handler.send(206, data[1:], {"Content-Range": f"bytes 1-{len(data) - 1}/{len(data)}"})


def redirect(url):
    return lambda handler, data: handler.send(302, b"", {"Location": url})


# ── the servers ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        hub = self.server.hub
        hub.log.append(Asked(self.server.name, self.command, urllib.parse.unquote(self.path), dict(self.headers)))
        try:
            getattr(self, self.server.name)(hub, *urllib.parse.unquote(self.path).split("?", 1))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def send(self, code, body=b"", headers={}, length=None):
        """`length`: what is promised of the body, where that is not what comes."""
        self.send_response(code)
        for name, value in {"Content-Length": len(body) if length is None else length, **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
            self.wfile.flush()

    def send_data(self, data, limit=None, headers={}):
        """The range that was asked for; of that at most `limit` bytes, whatever the header promises."""
        range_ = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(range_[1]) if range_ else 0
        if range_ and start >= len(data):
            return self.send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        part = data[start:]
        headers = {"Accept-Ranges": "bytes", **headers}
        if range_:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.send(206 if range_ else 200, part[:limit], headers, len(part))

    def failed(self, hub, name, data):
        """Whether a fault took the request for the file of this name. A HEAD wears no fault out."""
        if self.command == "HEAD" or not hub.faults.get(name):
            return False
        hub.faults[name].pop(0)(self, data)
        return True

    def store(self, hub, path, query=""):
        _, digest, name = path.split("/", 2)
        data = hub.stored.get(digest)
        if data is None:
            return self.send(404)
        if not self.failed(hub, name, data):
            self.send_data(data)

    def hub(self, hub, path, query=""):
        match = (re.fullmatch(r"/api/models/([^/]+/[^/]+)/(refs)()", path) or re.fullmatch(r"/api/models/([^/]+/[^/]+)/(tree)/([^/]+)", path)
                 or re.fullmatch(r"/([^/]+/[^/]+)/(resolve)/([0-9a-f]+/.+)", path))
        if not match:
            return self.send(404)
        name, what, rest = match.groups()
        repo = hub.repos.get(name)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if repo is None or (repo.token is not None and token != repo.token):
            # The real one does not tell strangers what there is.
            code = 404 if token and repo is None else 401
            return self.send(code, b'{"error":"Repository not found"}', {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        if what == "resolve":
            return self.resolve(hub, repo, rest)
        value, headers = self.refs(repo) if what == "refs" else self.tree(hub, name, repo, rest, query)
        data = json.dumps(value).encode()
        return self.failed(hub, what, data) or self.send(200, data, {"Content-Type": "application/json", **headers})

    def refs(self, repo):
        return {"tags": [], "branches": [{"name": repo.branch, "ref": "refs/heads/" + repo.branch, "targetCommit": repo.commit}]}, {}

    def tree(self, hub, name, repo, commit, query):
        rows = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": "a-folder"}]
        for path, data in repo.files.items():
            row = {"type": "file", "oid": git_hash(data), "size": len(data), "path": path}
            if repo.bare:
                row = {"type": "file", "path": path}
            elif repo.large:
                row["oid"] = git_hash(b"a pointer")
                row["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 135}
            rows.append(row)
        rows += repo.listed
        at = int(urllib.parse.parse_qs(query).get("cursor", ["0"])[0])
        more = {"Link": f'<{hub.endpoint}/api/models/{name}/tree/{commit}?recursive=true&cursor={at + repo.page}>; rel="next"'}
        return rows[at:at + repo.page], more if at + repo.page < len(rows) else {}

    def resolve(self, hub, repo, rest):
        commit, path = rest.split("/", 1)
        if repo.gated:
            return self.send(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to this model is restricted"})
        data = repo.files.get(path)
        if data is None or commit != repo.commit:
            return self.send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        if not repo.large:
            if not self.failed(hub, path, data):
                self.send_data(data, headers={"ETag": f'"{git_hash(data)}"'})
            return None
        digest = hashlib.sha256(data).hexdigest()
        hub.stored[digest] = data
        return self.send(302, b"", {"Location": f"{hub.store}/{digest}/{urllib.parse.quote(path)}", "X-Linked-ETag": f'"{digest}"',
                                    "X-Linked-Size": len(data), "X-Repo-Commit": repo.commit})


def git_hash(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Server(socketserver.ThreadingTCPServer):  # http.server's own would ask for the machine's name
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # who asked went away


class Hub:
    def __init__(self, context=None):
        self.repos, self.faults, self.stored, self.log = {}, {}, {}, []
        self.context = context  # an ssl.SSLContext for https

    def __enter__(self):
        self.servers = [self.serve(name) for name in ("hub", "store")]
        self.endpoint, self.store = (f"http{'s' if self.context else ''}://127.0.0.1:{s.server_address[1]}" for s in self.servers)
        return self

    def __exit__(self, *error):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def serve(self, name):
        server = Server(("127.0.0.1", 0), Handler)
        server.hub, server.name = self, name
        if self.context:
            server.socket = self.context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    def fault(self, name, *faults):
        """What the next requests for the file, or "refs" or "tree", meet."""
        self.faults.setdefault(name, []).extend(faults)

    def asked(self, method="GET", words=""):
        return [a for a in self.log if a.method == method and words in a.path]
