# Sourced by the commands in bin/: makes .venv on first use and says what it does meanwhile.
# usage: ensure_environment EXTRA   (an extra of pyproject.toml: demo, dev)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "Ottla needs Python 3.11 or newer with venv. On Debian 12: sudo apt-get install -y python3 python3-venv" >&2
  return 1
}

ensure_environment() {
  local extra=$1 stamp="$root/.venv/.installed-$1" python
  [ -e "$stamp" ] && [ ! "$root/pyproject.toml" -nt "$stamp" ] && return
  python=$(find_python) || exit 1
  if [ ! -x "$root/.venv/bin/python" ]; then
    echo "First use: making the environment in .venv with $("$python" --version) ..." >&2
    "$python" -m venv "$root/.venv"
  fi
  echo "Installing Ottla and what it needs ($extra) into .venv; this happens once ..." >&2
  "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$root[$extra]" >&2 || {
    echo "The installation failed; the lines above say why. Run the command again to retry." >&2
    exit 1
  }
  touch "$stamp"
}
