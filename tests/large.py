"""A run of more than 100,000 trials, made on the mock engine: what the report must bear."""
import csv, shutil, subprocess
from pathlib import Path

IMAGE = Path(__file__).parent / "data" / "six-colours.avif"


def make_run(undertow, folder, questions=4200):
    shutil.copy(IMAGE, folder)
    with open(folder / "own.csv", "w", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["id", "image", "question", "A", "B", "C", "D", "answer", "category", "image_id"])
        rows.writerows([i, IMAGE.name, f"Is it so, number {i}?", "yes it is", "no, not at all", "both", "neither", "ABCD"[i % 4], f"c{i % 7}", i % 200]
                       for i in range(questions))
    subprocess.run([undertow, "run", "--engine", "mock", "-d", folder / "own.csv", "-p", "core", "-q", "-o", folder / "run.duckdb"], check=True,
                   stdout=subprocess.DEVNULL)
    return folder / "run.duckdb"
