"""One module a command of the ``equityaccess`` program."""
