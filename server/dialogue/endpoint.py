"""One client for every server that speaks OpenAI's chat completions: Ollama, LM Studio, vLLM, llama.cpp, hosted ones.

`POST {address}/chat/completions` with `response_format` json_schema (platform.openai.com, API reference). No redirects
are followed, so that a key goes nowhere else. Standard library only.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from blender_aigc.protocol import Fault, is_loopback

from .answers import Messages
from .keys import key_for, origin

LARGEST = 8 << 20
"""Bytes of an answer; more is no plan."""
_LONGEST_WAIT_S = 60.0
_TRIES = 3


@dataclass
class Usage:
    """What it took so far. cost: in the currency of the prices."""

    prompt_tokens: int = 0
    answer_tokens: int = 0

    def cost(self, price_in: float, price_out: float) -> float:
        """Prices are per million tokens."""
        return (self.prompt_tokens * price_in + self.answer_tokens * price_out) / 1e6


@dataclass
class Endpoint:
    """address: up to and with "/v1". timeout_s: for one answer. wait: called often while waiting; it may raise.

    answer_tokens: the most that one answer may have.
    """

    address: str
    model: str
    timeout_s: float = 120.0
    answer_tokens: int = 4096
    temperature: float = 0.0
    seed: int = 0
    wait: Callable[[str], None] = lambda _doing: None
    usage: Usage = field(default_factory=Usage)
    _format: int = 0

    def __post_init__(self) -> None:
        self.address = self.address.strip().rstrip("/")
        scheme, host, _ = origin(self.address)
        if scheme not in ("http", "https") or not host or any(letter in self.address for letter in "@?#\\ \n"):
            raise Fault(
                "bad_request",
                "The endpoint is no web address.",
                "Write it as in http://127.0.0.1:11434/v1.",
            )
        if scheme == "http" and key_for(self.address) and not is_loopback(host):
            raise Fault(
                "bad_request",
                f"The key of {host} would travel unencrypted.",
                "Write https instead of http.",
            )

    @property
    def host(self) -> str:
        return origin(self.address)[1]

    def ask(self, messages: Messages, schema: dict[str, Any], name: str) -> str:
        """The model's answer. Raises Fault: server_gone, bad_request, empty_result; and what `wait` raises."""
        formats: list[dict[str, Any] | None] = [
            {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}},
            {"type": "json_object"},
            None,
        ]
        while True:
            body: dict[str, Any] = {
                "model": self.model,
                "messages": self._with_schema(messages, schema),
                "temperature": self.temperature,
                "seed": self.seed,
                "max_tokens": self.answer_tokens,
                "stream": False,
            }
            if formats[self._format] is not None:
                body["response_format"] = formats[self._format]
            status, data, text = self._patiently("/chat/completions", body)
            if status in (400, 422) and self._format < 2 and ("format" in text or "schema" in text):
                self._format += 1  # an older server: ask for any JSON, then for nothing; we check it ourselves
                continue
            if status != 200:
                raise self._refused(status, text)
            return self._said(data)

    def _with_schema(self, messages: Messages, schema: dict[str, Any]) -> Messages:
        if self._format == 0:
            return messages
        first = messages[0]["content"] + "\nThe schema: " + json.dumps(schema, ensure_ascii=False)
        return [{"role": "system", "content": first}, *messages[1:]]

    def _said(self, data: Any) -> str:
        usage = data.get("usage") if isinstance(data, dict) else None
        if isinstance(usage, dict):
            self.usage.prompt_tokens += _whole(usage.get("prompt_tokens"))
            self.usage.answer_tokens += _whole(usage.get("completion_tokens"))
        try:
            message = data["choices"][0]["message"]
            content = message.get("content")
            refusal = message.get("refusal")
        except (KeyError, IndexError, TypeError, AttributeError):
            raise Fault(
                "server_gone",
                f"What answers at {self.host} is no language model.",
                "Check the endpoint; it mostly ends in /v1.",
                json.dumps(data)[:500],
            ) from None
        if isinstance(content, list):
            content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        if isinstance(content, str):
            return content
        if isinstance(refusal, str) and refusal:
            raise Fault("empty_result", "The language model refused to answer.", "Say it otherwise.", refusal[:500])
        return ""

    # ---------------------------------------------------------------------------------------------------- the network

    def _patiently(self, path: str, body: dict[str, Any]) -> tuple[int, Any, str]:
        """One answer; a busy server is asked again when it says so, at most twice."""
        for attempt in range(_TRIES):
            status, headers, raw = self._request("POST", path, json.dumps(body).encode())
            if status not in (429, 500, 502, 503, 504) or attempt == _TRIES - 1:
                break
            pause_s = _retry_after(headers.get("retry-after", ""), 0.5 * 2**attempt)
            if pause_s > _LONGEST_WAIT_S:
                break
            self._pause(pause_s)
        text = raw.decode("utf-8", "replace")
        try:
            return status, json.loads(text), text
        except (ValueError, RecursionError):
            return status, None, text

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.wait(f"Waiting for {self.host}")
            time.sleep(min(0.05, left))

    def _request(self, method: str, path: str, body: bytes | None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers in lower case, body. The socket is closed as soon as `wait` raises."""
        connection = _connect(self.address, self.timeout_s)
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "AIGC-Studio"}
        if key := key_for(self.address):
            headers["Authorization"] = f"Bearer {key}"
        answer: list[tuple[int, dict[str, str], bytes] | Exception] = []

        def talk() -> None:
            try:
                connection.request(method, urlsplit(self.address).path + path, body, headers)
                response = connection.getresponse()
                data = _all_of(response, self.timeout_s)
                answer.append((response.status, {k.lower(): v for k, v in response.getheaders()}, data))
            except (OSError, http.client.HTTPException, ValueError) as error:
                answer.append(error)

        thread = threading.Thread(target=talk, name="endpoint", daemon=True)
        thread.start()
        until = time.monotonic() + self.timeout_s
        try:
            while thread.is_alive():
                thread.join(0.05)
                self.wait(f"Asking {self.model} at {self.host}")
                if thread.is_alive() and time.monotonic() > until:
                    raise self._slow()
        finally:
            _hang_up(connection)
        if isinstance(answer[0], Exception):
            raise self._unreachable(answer[0])
        return answer[0]

    def _slow(self) -> Fault:
        return Fault(
            "server_gone",
            f"The language model at {self.host} did not answer within {self.timeout_s:g} s.",
            "Raise Timeout, or choose a smaller model.",
        )

    def _unreachable(self, error: Exception) -> Fault:
        if isinstance(error, TimeoutError):
            return self._slow()
        if isinstance(error, ssl.SSLError):
            return Fault("server_gone", f"{self.host} has no valid certificate.", "Check Endpoint.", str(error)[:500])
        return Fault(
            "server_gone",
            f"There is no language model at {self.host}.",
            "Start it (Ollama, LM Studio ...), or correct Endpoint.",
            f"{self.address}: {type(error).__name__}: {error}"[:500],
        )

    def _refused(self, status: int, text: str) -> Fault:
        detail = f"{self.address} answered {status}: {text[:500]}"
        if status in (401, 403):
            return Fault(
                "bad_request",
                f"{self.host} did not accept the key.",
                "Set AIGC_LLM_ENDPOINT and AIGC_LLM_KEY where the server is started.",
                detail,
            )
        if status == 429:
            return Fault("server_gone", f"{self.host} takes no more requests for now.", "Try again later.", detail)
        if status == 404:
            return Fault("bad_request", f"{self.host} has no model {self.model!r}.", self._offer(), detail)
        if 300 <= status < 400:
            return Fault("bad_request", f"{self.host} wants to lead elsewhere.", "Write the final address.", detail)
        if status >= 500:
            return Fault("server_gone", f"The language model at {self.host} has a problem.", "Try again later.", detail)
        return Fault("bad_request", f"{self.host} does not understand the question.", "Choose another model.", detail)

    def _offer(self) -> str:
        """The models that there are, as a hint."""
        try:
            status, _, raw = self._request("GET", "/models", None)
            listed = [str(item["id"])[:60] for item in json.loads(raw)["data"]][:10] if status == 200 else []
        except (Fault, ValueError, KeyError, TypeError):
            listed = []
        return f"It has: {', '.join(listed)}." if listed else "Correct Model Name or Endpoint."


def _connect(address: str, timeout_s: float) -> http.client.HTTPConnection:
    """A connection that is not open yet; by way of the system's proxy, except on this machine."""
    scheme, host, port = origin(address)
    direct = is_loopback(host) or urllib.request.proxy_bypass(host)
    proxy = "" if direct else urllib.request.getproxies().get(scheme, "")
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    if not proxy:
        return kind(host, port, timeout=timeout_s)
    _, proxy_host, proxy_port = origin(proxy)
    connection = kind(proxy_host, proxy_port, timeout=timeout_s)
    connection.set_tunnel(host, port)
    return connection


def _all_of(response: http.client.HTTPResponse, timeout_s: float) -> bytes:
    """The body, of a bounded size, in bounded time also when it comes drop by drop."""
    until, kept = time.monotonic() + timeout_s, bytearray()
    while piece := response.read1(65536):
        kept += piece
        if len(kept) > LARGEST:
            raise ValueError("the answer is too long")
        if time.monotonic() > until:
            raise TimeoutError
    return bytes(kept)


def _hang_up(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
        except OSError:
            pass  # it was closed already
    connection.close()


def _retry_after(value: str, otherwise: float) -> float:
    try:
        return max(0.0, float(value))
    except ValueError:
        return otherwise


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
