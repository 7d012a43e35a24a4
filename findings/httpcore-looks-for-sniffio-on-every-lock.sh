#!/bin/sh
# httpcore 1.0.9 under httpx 0.28.1 (anyio 4.16.0, which no longer brings sniffio): every lock, event and shielded block of a
# request runs `import sniffio` inside a try. Without the package Python searches all of sys.path each time, several times a
# request, and httpx's ASGI transport does the same. Nothing fails; the requests are merely slower than with a package that
# nobody lists any more.
#
# Seen (Python 3.11): 4 failed searches for a GET over a kept connection, none with sniffio 1.3.1; 1.14 s against 0.86 s of
# processor time for 1,000 of them, 1.17 s against 0.85 s in a second run.
# This script fails when httpcore stops looking, or when sniffio comes with httpx again.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check httpx==0.28.1 httpcore==1.0.9 anyio==4.16.0 h11==0.16.0
cat >"$folder/count.py" <<'PYTHON'
import asyncio, sys, time
import httpx

class Count:
    searches = 0
    def find_spec(self, name, path=None, target=None):
        Count.searches += name == "sniffio"

sys.meta_path.insert(0, Count())

async def serve(reader, writer):
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = "http://127.0.0.1:%d/" % server.sockets[0].getsockname()[1]
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(url)
        Count.searches, began = 0, time.process_time()
        for _ in range(1000):
            await client.get(url)
        print(Count.searches // 1000, round(time.process_time() - began, 2))

asyncio.run(main())
PYTHON
without=$("$folder/venv/bin/python" "$folder/count.py" 2>/dev/null)
"$folder/venv/bin/pip" install -q --disable-pip-version-check sniffio==1.3.1
with=$("$folder/venv/bin/python" "$folder/count.py" 2>/dev/null)
echo "searches a request, seconds for 1000: without sniffio $without, with it $with"
[ "${without% *}" -ge 3 ] || { echo "httpcore no longer searches for sniffio"; exit 1; }
[ "${with% *}" -eq 0 ]
