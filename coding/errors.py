"""The errors spinecode raises for what a user can put right; each message is one line that says what to do.

SpinecodeError
├── InputError      the note, file or option cannot be used
├── TableError      a table or rule file is wrong: names the file and the row
├── FindingsError   stored findings cannot be read
└── ReleaseError    a code set release cannot be read or found
"""

from __future__ import annotations


class SpinecodeError(Exception):
    """Base of all errors that are the caller's to mend."""


class InputError(SpinecodeError):
    """An input that cannot be read or an option that makes no sense (exit status 2)."""


class TableError(SpinecodeError):
    """A code table or phrase file breaks its format; the message names file and row."""


class FindingsError(SpinecodeError):
    """Stored findings do not follow the schema; the message names the path of the bad value."""


class ReleaseError(SpinecodeError):
    """An official code set release cannot be read or is not known."""
