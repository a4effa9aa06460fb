#!/usr/bin/env bash
# Pin the newest versions that pyproject.toml allows. The files name no index: whoever installs chooses where from.
set -euo pipefail
cd "$(dirname "$0")/.."

pin() { # pin GROUP FILE [uv's further options]
    .venv/bin/uv pip compile --quiet --upgrade --universal --no-header --no-annotate \
        --group "$1" --output-file "requirements/$2" "${@:3}" pyproject.toml
}
pin dev test.txt
pin runner langchain-1.3.txt --constraint <(echo 'langchain<1.4')
