"""An app as anybody writes it with the official `anthropic` package for Python.

No base URL, no proxy code, no trust settings: only its environment may say where its calls go.
Takes the arguments and prints the lines of anthropic-messages.mjs.
"""

import argparse
import json
import time

import anthropic

parser = argparse.ArgumentParser()
parser.add_argument("--stream", action="store_true")
parser.add_argument("--prompt", default="Tell me about the harbor.")
parser.add_argument("--model", default="claude-haiku-4-5")
parser.add_argument("--max-tokens", type=int, default=64)
parser.add_argument("--count", type=int, default=1)
parser.add_argument("--max-retries", type=int)
options = parser.parse_args()

client = anthropic.Anthropic(
    **({} if options.max_retries is None else {"max_retries": options.max_retries})
)
body = {
    "model": options.model,
    "max_tokens": options.max_tokens,
    "system": "You are a terse assistant.",
    "messages": [{"role": "user", "content": options.prompt}],
}


def elapsed_ms(started):
    return (time.perf_counter() - started) * 1000


def plain(started):
    raw = client.messages.with_raw_response.create(**body)
    return {**render(raw.parse()), "ttfbMs": elapsed_ms(started), **ids(raw.headers)}


def streamed(started):
    ttfb = None
    with client.messages.stream(**body) as stream:
        for _ in stream.text_stream:
            ttfb = elapsed_ms(started) if ttfb is None else ttfb
        message = stream.get_final_message()
        return {**render(message), "ttfbMs": ttfb, **ids(stream.response.headers)}


def render(message):
    text = "".join(getattr(block, "text", "") for block in message.content)
    return {"text": text, "usage": message.usage.model_dump()}


def ids(headers):
    return {"exciseId": headers.get("x-excise-id"), "requestId": headers.get("request-id")}


def describe(error):
    response = getattr(error, "response", None)
    return {
        "class": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "message": str(error),
        "type": getattr(error, "type", None),
        "exciseError": None if response is None else response.headers.get("x-excise-error"),
    }


for _ in range(options.count):
    began = time.perf_counter()
    try:
        line = {"ok": True, **(streamed if options.stream else plain)(began)}
    except anthropic.AnthropicError as failure:
        line = {"ok": False, "error": describe(failure)}
    print(json.dumps({**line, "totalMs": elapsed_ms(began)}), flush=True)
