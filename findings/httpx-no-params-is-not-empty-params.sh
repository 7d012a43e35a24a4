#!/bin/sh
# httpx 0.28.1: a request whose `params` are an empty dict loses the query that its address has. Without `params`, or with None, it is
# kept. So `get(url, params=filters)` works until the day on which there is no filter: a presigned address then has no signature any
# more, and a link to the next page no cursor. A client's own `params=` do the same to every address with a query. requests 2.33.1 adds
# its params to those of the address, and leaves it alone when there are none.
#
# Seen (Python 3.11): https://b.example/k?page=2&sig=abc became https://b.example/k with params={}, and https://b.example/k?x=1 with
# {"x": "1"}; requests made it ?page=2&sig=abc and ?page=2&sig=abc&x=1.
# This script fails when httpx keeps the query of an address, or when requests no longer does.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check httpx==0.28.1 requests==2.33.1
cat >"$folder/compare.py" <<'PYTHON'
import httpx
import requests

ADDRESS = "https://b.example/k?page=2&sig=abc"
wanted = {
    "httpx": {"None": ADDRESS, "{}": "https://b.example/k", "{'x': '1'}": "https://b.example/k?x=1"},
    "requests": {"None": ADDRESS, "{}": ADDRESS, "{'x': '1'}": f"{ADDRESS}&x=1"},
}
seen = {"httpx": {}, "requests": {}}
for params in (None, {}, {"x": "1"}):
    seen["httpx"][str(params)] = str(httpx.Request("GET", ADDRESS, params=params).url)
    seen["requests"][str(params)] = requests.Request("GET", ADDRESS, params=params).prepare().url
for library, found in seen.items():
    for params, url in found.items():
        print(f"{library}, params={params}: {url}")
client = str(httpx.Client(params={"x": "1"}).build_request("GET", ADDRESS).url)
print(f"httpx, a client with params: {client}")
assert client == "https://b.example/k?x=1", "a client's params are added now"
assert seen == wanted, "the query is treated in another way now"
PYTHON
"$folder/venv/bin/python" "$folder/compare.py"
