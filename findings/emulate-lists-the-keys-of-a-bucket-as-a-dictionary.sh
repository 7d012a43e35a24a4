#!/bin/sh
# emulate 0.12.2 (vercel-labs; stands in for S3 in tests): ListObjectsV2 gives the keys in the order of a dictionary (`_a`, `a`,
# `B`), where S3 and R2 promise the order of their UTF-8 bytes (`B`, `_a`, `a`). A client that merges two listings, or goes
# on behind a key that it remembers by comparing keys, is right in production and wrong here, or the other way round.
# And a PUT with `If-None-Match: *` is carried out although the key is there: 200, the old content is gone; S3 and R2 answer
# 412. Two writers that rely on it both win.
#
# Seen (Node.js 24.21.0): keys "_a a B", then 200 and "second".
# This script fails when the order becomes that of the bytes, or the PUT is refused.
set -eu
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
server=
cd "$folder"
npm install --silent --no-audit --no-fund emulate@0.12.2 node@24.21.0 >/dev/null
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
echo '{"aws": {"region": "us-east-1", "s3": {"buckets": [{"name": "files"}]}}}' >seed.json
node_modules/.bin/node node_modules/emulate/dist/index.js start --service aws --port "$port" --seed seed.json >log 2>&1 &
server=$!
cat >ask.py <<'PYTHON'
import re, sys, time, urllib.error, urllib.request

def ask(method, path, body=None, **headers):
    url = f"http://127.0.0.1:{sys.argv[1]}{path}"
    request = urllib.request.Request(url, body, {k.replace("_", "-"): v for k, v in headers.items()}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""

for _ in range(150):
    try:
        ask("GET", "/files?list-type=2")
        break
    except OSError:
        time.sleep(0.2)
for key in ("B", "_a", "a"):
    ask("PUT", f"/files/{key}", b"first")
keys = re.findall("<Key>(.*?)</Key>", ask("GET", "/files?list-type=2")[1])
status, _ = ask("PUT", "/files/a", b"second", if_none_match="*")
content = ask("GET", "/files/a")[1]
print("keys:", *keys)
print("a PUT that is to make it anew:", status, content)
sys.exit(not (keys == ["_a", "a", "B"] and sorted(keys) != keys and status == 200 and content == "second"))
PYTHON
python3 ask.py "$port"
