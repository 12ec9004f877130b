"""The generator of src/base/rng.h, from its description, for oracles whose inputs are drawn and not stored."""
import hashlib

MASK = 2**64 - 1


class Rng:
    """SplitMix64, as src/base/rng.h."""

    def __init__(self, state):
        self.state = state

    @classmethod
    def for_purpose(cls, run_seed, item, purpose, index):
        numbers = run_seed.to_bytes(8, "little") + index.to_bytes(8, "little")
        digest = hashlib.sha256(numbers + item.encode() + b"\0" + purpose.encode() + b"\0").digest()
        return cls(int.from_bytes(digest[:8], "little"))

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, n):
        reject = 2**64 % n
        while (x := self.next()) < reject:
            pass
        return x % n
