#!/usr/bin/env bash
# Pin the newest versions that pyproject.toml allows. The files name no index: whoever installs chooses where from.
set -euo pipefail
cd "$(dirname "$0")/.."

pin() { # pin FILE [what to pin, and uv's further options]
    .venv/bin/uv pip compile --quiet --upgrade --universal --no-header --no-annotate \
        --output-file "requirements/$1" "${@:2}"
}
pin test.txt --extra gateway --group dev pyproject.toml
pin lfx.txt --extra lfx --group lfx pyproject.toml
pin server.txt --group server
