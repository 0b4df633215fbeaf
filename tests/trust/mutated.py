"""``python -m tests.trust.mutated MODULE:FUNCTION serve …``: the command line with a defect seeded first.

The product knows of no defect: the function named patches the imported code, then the command runs as ever.
"""

import importlib
import sys

from equityaccess.cli import main

if __name__ == "__main__":
    module, _, function = sys.argv.pop(1).partition(":")
    getattr(importlib.import_module(module), function)()
    sys.exit(main())
