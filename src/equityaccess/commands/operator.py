"""Who runs a command: the account of the operating system, for the log of what was done."""

import contextlib
import os
import pwd

from equityaccess.audit.structs import Origin


def operator() -> Origin:
    """The command line, with the account that uses it."""
    name = str(os.getuid())
    with contextlib.suppress(KeyError):  # a container may run as a number without a name
        name = pwd.getpwuid(os.getuid()).pw_name
    return Origin(actor=f"the command line ({name})")
