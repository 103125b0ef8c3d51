"""What goes wrong with files."""


class RefusedFileError(ValueError):
    """A file that is not loaded: damaged, changed, newer, or with content not allowed.

    Nothing of it was run, and nothing written.
    """
