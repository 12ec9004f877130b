"""Undertow's exec protocol, version 1 (docs/exec-engine.md): lines of JSON on the standard streams, arrays beside them."""
import json
import os
import sys

import numpy as np

VERSION = 1


class Message:
    """A message under way: arrays are laid one behind the other, and the line names their places."""

    def __init__(self, **members):
        self.members, self.body = members, bytearray()

    def array(self, values):
        """Lays down a torch tensor; returns what stands for it in the line."""
        values = values.float().cpu().numpy()
        place = {"at": len(self.body), "shape": list(values.shape)}
        self.body += np.ascontiguousarray(values, "<f4").tobytes()
        return place


class Streams:
    """The standard streams. What libraries print goes to standard error from here on."""

    def __init__(self):
        self.requests = sys.stdin.buffer
        self.answers = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def send(self, message):
        line = json.dumps(message.members | {"bytes": len(message.body)})
        self.answers.write(line.encode() + b"\n" + message.body)
        self.answers.flush()

    def __iter__(self):
        """Each request with its images as arrays [height, width, 3]."""
        while line := self.requests.readline():
            request = json.loads(line)
            body = self.requests.read(request["bytes"])
            pixels = [np.frombuffer(body, np.uint8, 3 * i["width"] * i["height"], i["at"]).reshape(i["height"], i["width"], 3).copy()
                      for i in request["images"]]
            yield request, pixels
