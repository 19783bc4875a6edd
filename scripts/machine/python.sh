# Read by scripts/start and scripts/test: sets $python to a Python 3.11 or 3.12, or says what is missing.
python=
for candidate in "${BACKSTAGE_PYTHON:-}" python3.11 python3.12 python3 python; do
    [ -n "$candidate" ] || continue
    # Asked, not only looked for: a version manager's stand-in may be there and refuse to run.
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Backstage needs Python 3.11 or 3.12 on PATH (or named by BACKSTAGE_PYTHON); found neither." >&2
    exit 1
fi
