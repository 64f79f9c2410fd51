"""What stops a build; the text is shown to the user as it is."""


class ImageError(Exception):
    """The message says what is wrong, where, and what to do."""
