"""The commands of ``gt-secure``: each module parses its arguments, calls the library and prints."""
