"""``python -m equityaccess`` is the same as the ``equityaccess`` command."""

from equityaccess.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
