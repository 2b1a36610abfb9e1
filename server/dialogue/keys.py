"""API keys: from the environment or a file on the server's side, never from a job, a .blend or a result.

A key belongs to one address. It is sent nowhere else, whatever endpoint a file or a panel names.

    AIGC_LLM_ENDPOINT, AIGC_LLM_KEY     the address and its key
    AIGC_LLM_KEYS                       a JSON file: {"https://api.example.com/v1": "key", ...}
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from blender_aigc.protocol import Fault


def key_for(address: str, environment: Mapping[str, str] = os.environ) -> str:
    """The key of `address`, or "". Raises Fault("bad_request") for a file of keys that cannot be read."""
    if environment.get("AIGC_LLM_KEY") and origin(environment.get("AIGC_LLM_ENDPOINT", "")) == origin(address):
        return environment["AIGC_LLM_KEY"].strip()
    path = environment.get("AIGC_LLM_KEYS", "")
    if not path:
        return ""
    try:
        kept = json.loads(Path(path).read_text(encoding="utf-8"))
        pairs = {origin(str(at)): str(key).strip() for at, key in kept.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise Fault(
            "bad_request",
            "The file of API keys cannot be read.",
            'Write it as JSON: {"https://address": "key"}, and name it in AIGC_LLM_KEYS.',
            type(error).__name__,  # not its text, which might quote the key
        ) from None
    return pairs.get(origin(address), "")


def origin(address: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a key is bound to."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return "", "", 0
    return parts.scheme, (parts.hostname or "").lower(), port
