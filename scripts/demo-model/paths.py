"""Where the model, its held-out cases and its document live in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL_FOLDER = ROOT / "src/demo/model"
HELD_OUT_FILE = ROOT / "test/fixtures/demo-model/heldout.json"
DOCUMENT = ROOT / "docs/demo-model.md"
