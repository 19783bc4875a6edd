# Read by every command of this folder: $program names its module in bench/programs.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
. "$here/../scripts/machine/python.sh"
cd "$here/.."
exec "$python" -m bench "$program" "$@"
