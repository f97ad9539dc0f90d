"""Reads what a page shows without running it: Python, shell, TOML, YAML and SQL are what they say, and fit a schema where there is one."""

from __future__ import annotations

import configparser
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import kubernetes_validate
from ruamel.yaml import YAML

from dbkit.config import load_settings
from tests.docs.blocks import Block

# A part of a manifest, in a whole one.
_WHOLE: dict[str, Callable[[Any], dict[str, Any]]] = {
    "container": lambda part: {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "whole"},
        "spec": {"containers": [{"name": "whole", "image": "whole", **part}]},
    },
}


def check(block: Block) -> None:
    """Read a block as what it says it is; raises where it is not."""
    reader = _READERS.get(block.kind)
    if reader is not None:
        reader(block)


def _python(block: Block) -> None:
    compile(block.text, f"line {block.line}", "exec")


def _bash(block: Block) -> None:
    done = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def _toml(block: Block) -> None:
    document = tomllib.loads(block.text)
    if "dbkit" in document.get("tool", {}) or block.file == "dbkit.toml":
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / (block.file or "pyproject.toml")).write_text(block.text, encoding="utf-8")
            load_settings(Path(folder))


def _yaml(block: Block) -> None:
    documents = list(YAML(typ="safe").load_all(StringIO(block.text)))
    assert documents
    assert all(isinstance(document, dict) for document in documents)
    for document in documents:
        part = block.marks.get("part")
        whole = _WHOLE[part](document) if part else document
        if "apiVersion" in whole:
            kubernetes_validate.validate(whole, kubernetes_validate.latest_version(), strict=True)
        else:
            _fit(block, _schema(block, whole))


def _schema(block: Block, document: dict[str, Any]) -> str:
    if (block.file or "").startswith(".github/workflows/"):
        return "vendor.github-workflows"
    if (block.file or "").startswith(".gitlab"):
        return "vendor.gitlab-ci"
    assert "services" in document, f"line {block.line}: nobody knows what this YAML is; say it by the file's name"
    return "vendor.compose-spec"


def _fit(block: Block, schema: str) -> None:
    """Ask for a schema that comes with the checker; nothing is downloaded."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "block.yaml"
        file.write_text(block.text, encoding="utf-8")
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, "--no-cache", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


_READERS: dict[str, Callable[[Block], Any]] = {
    "bash": _bash,
    "ini": lambda block: configparser.ConfigParser(interpolation=None).read_string(block.text),
    "json": lambda block: json.loads(block.text),
    "python": _python,
    "toml": _toml,
    "yaml": _yaml,
}
