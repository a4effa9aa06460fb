#!/usr/bin/env bash
# Make or update a virtual environment: environment.sh PYTHON FOLDER REQUIREMENTS
# It ends up with exactly the pinned packages and this checkout, installed so that edits show at once.
set -euo pipefail
python=$1 folder=$2 requirements=$3

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is no Python 3.11 or newer. Name one: make PYTHON=/path/to/python3.12" >&2
    exit 1
fi
if [ ! -x "$folder/bin/python" ]; then
    "$python" -m venv "$folder" || {
        echo "$python cannot make a virtual environment (Debian, Ubuntu: sudo apt-get install python3-venv)." >&2
        exit 1
    }
fi
uv=${UV:-$folder/bin/uv}
if [ ! -x "$uv" ]; then # uv installs in seconds what takes pip a minute
    "$folder/bin/python" -m pip install --quiet "$(grep '^uv==' "$requirements")"
fi
"$uv" pip install --quiet --python "$folder/bin/python" --exact --requirement "$requirements" --no-deps --editable .
