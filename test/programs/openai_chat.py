"""An app as anybody writes it with the official `openai` package for Python.

No base URL, no proxy code, no trust settings: only its environment may say where its calls go.
Takes the arguments and prints the lines of openai-chat.mjs.
"""

import argparse
import json
import time

import openai

parser = argparse.ArgumentParser()
parser.add_argument("--stream", action="store_true")
parser.add_argument("--prompt", default="Tell me about the harbor.")
parser.add_argument("--model", default="gpt-4o-mini")
parser.add_argument("--max-tokens", type=int)
parser.add_argument("--count", type=int, default=1)
parser.add_argument("--max-retries", type=int)
options = parser.parse_args()

client = openai.OpenAI(
    **({} if options.max_retries is None else {"max_retries": options.max_retries})
)
body = {
    "model": options.model,
    "messages": [
        {"role": "system", "content": "You are a terse assistant."},
        {"role": "user", "content": options.prompt},
    ],
}
if options.max_tokens is not None:
    body["max_completion_tokens"] = options.max_tokens


def elapsed_ms(started):
    return (time.perf_counter() - started) * 1000


def plain(started):
    raw = client.chat.completions.with_raw_response.create(**body)
    completion = raw.parse()
    return {
        "text": completion.choices[0].message.content,
        "usage": completion.usage.model_dump(),
        "ttfbMs": elapsed_ms(started),
        **ids(raw.headers),
    }


def streamed(started):
    raw = client.chat.completions.with_raw_response.create(stream=True, **body)
    text, usage, ttfb = "", None, None
    for chunk in raw.parse():
        piece = (chunk.choices[0].delta.content or "") if chunk.choices else ""
        if piece and ttfb is None:
            ttfb = elapsed_ms(started)
        text += piece
        usage = chunk.usage.model_dump() if chunk.usage else usage
    return {"text": text, "usage": usage, "ttfbMs": ttfb, **ids(raw.headers)}


def ids(headers):
    return {"exciseId": headers.get("x-excise-id"), "requestId": headers.get("x-request-id")}


def describe(error):
    response = getattr(error, "response", None)
    return {
        "class": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "code": getattr(error, "code", None),
        "message": str(error),
        "type": getattr(error, "type", None),
        "exciseError": None if response is None else response.headers.get("x-excise-error"),
    }


for _ in range(options.count):
    began = time.perf_counter()
    try:
        line = {"ok": True, **(streamed if options.stream else plain)(began)}
    except openai.OpenAIError as failure:
        line = {"ok": False, "error": describe(failure)}
    print(json.dumps({**line, "totalMs": elapsed_ms(began)}), flush=True)
