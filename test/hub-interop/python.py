"""One thing that Python's huggingface_hub does, told by the arguments; its result on stdout, as JSON."""

import hashlib
import json
import os
import sys
from pathlib import Path

from huggingface_hub import (
    __version__,
    constants,
    hf_hub_download,
    scan_cache_dir,
    snapshot_download,
    try_to_load_from_cache,
)
from huggingface_hub.file_download import _CACHED_NO_EXIST
from huggingface_hub.utils import HFValidationError, get_token, validate_repo_id


def hashes(folder: str) -> dict[str, str]:
    files = sorted(path for path in Path(folder).iterdir())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def snapshot(repo, **options):
    folder = snapshot_download(repo, **options)
    return {"folder": folder, "files": hashes(folder)}


def files(repo, names, **options):
    """As transformers does: one file after the other, at a branch."""
    return {name: hashlib.sha256(Path(hf_hub_download(repo, name, **options)).read_bytes()).hexdigest() for name in names}


def cached(repo, names, **options):
    found = {name: try_to_load_from_cache(repo, name, **options) for name in names}
    return {name: "no such file" if path is _CACHED_NO_EXIST else path for name, path in found.items()}


def scan():
    info = scan_cache_dir()
    return {
        "warnings": [str(warning) for warning in info.warnings],
        "incomplete": [path.file_path.name for path in info.incomplete_files],
        "repos": {
            repo.repo_id: {
                revision.commit_hash: {"refs": sorted(revision.refs), "files": sorted(file.file_name for file in revision.files)}
                for revision in repo.revisions
            }
            for repo in info.repos
        },
    }


def valid(names):
    def is_valid(name):
        try:
            validate_repo_id(name)
            return True
        except HFValidationError:
            return False

    return [is_valid(name) for name in names]


def settings():
    return {
        "cacheDir": os.path.abspath(constants.HF_HUB_CACHE),
        "offline": constants.HF_HUB_OFFLINE,
        "endpoint": constants.ENDPOINT,
        "token": None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token(),
    }


def version():
    return __version__


action, arguments = sys.argv[1], json.loads(sys.argv[2])
result = globals()[action](*arguments["args"], **arguments["options"])
print(json.dumps(result))
