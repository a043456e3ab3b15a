"""Lines of text handed to DuckDB without a copy, by the Arrow C stream interface and nothing but
ctypes and numpy.

pyarrow would do the same in five lines, but it is no dependency of ours, and building arrays
through it first imports pandas. The structures are those of *The Arrow C data interface*
(arrow.apache.org/docs/format/CDataInterface.html).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_PTR = ctypes.c_void_p


class _Schema(ctypes.Structure):
    pass


_RELEASE_SCHEMA = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))
_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))),
    ("dictionary", _PTR),
    ("release", _RELEASE_SCHEMA),
    ("private_data", _PTR),
]


class _Array(ctypes.Structure):
    pass


_RELEASE_ARRAY = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))
_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(_PTR)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", _PTR),
    ("release", _RELEASE_ARRAY),
    ("private_data", _PTR),
]


class _Stream(ctypes.Structure):
    pass


_GET_SCHEMA = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Schema))
_GET_NEXT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))
_GET_ERROR = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(_Stream))
_RELEASE_STREAM = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))
_Stream._fields_ = [
    ("get_schema", _GET_SCHEMA),
    ("get_next", _GET_NEXT),
    ("get_last_error", _GET_ERROR),
    ("release", _RELEASE_STREAM),
    ("private_data", _PTR),
]

_NO_SCHEMA, _NO_ARRAY, _NO_STREAM = _RELEASE_SCHEMA(0), _RELEASE_ARRAY(0), _RELEASE_STREAM(0)
_EIO = 5


class LineBatch(NamedTuple):
    """Lines that lie one after the other in ``data``; line *i* is ``data[ends[i]:ends[i + 1]]``,
    newline included.
    """

    data: Any  # bytes or another object with a buffer; valid UTF-8
    ends: Any  # numpy int64, one longer than there are lines
    source: Any  # numpy int32: which file each line is from
    offset: Any  # numpy int64: where the line starts in that file
    done: Callable[[], None] | None = None  # called when nothing reads ``data`` any more


# Whatever C code may still use, by the address handed out as private_data.
_alive: dict[int, Any] = {}
_next_token = iter(range(1, 1 << 62)).__next__


def _keep(thing: Any) -> int:
    token = _next_token()
    _alive[token] = thing
    return token


def _drop_schema(pointer: Any) -> None:
    schema = pointer.contents
    _alive.pop(schema.private_data or 0, None)
    schema.release = _NO_SCHEMA


_release_schema = _RELEASE_SCHEMA(_drop_schema)


def _drop_array(pointer: Any) -> None:
    array = pointer.contents
    kept = _alive.pop(array.private_data or 0, None)
    array.release = _NO_ARRAY
    if kept is not None and kept[0].done is not None:
        kept[0].done()


_release_array = _RELEASE_ARRAY(_drop_array)


_COLUMNS = ((b"U", b"line"), (b"i", b"source"), (b"l", b"pos"))


def _fill_schema(out: _Schema) -> None:
    children = [_Schema(format=f, name=n, release=_release_schema) for f, n in _COLUMNS]
    pointers = (ctypes.POINTER(_Schema) * len(children))(*(ctypes.pointer(c) for c in children))
    out.format, out.name, out.metadata, out.flags = b"+s", b"", None, 0
    out.n_children, out.children, out.dictionary = len(children), pointers, None
    out.release, out.private_data = _release_schema, _keep((children, pointers))


def _address(thing: Any) -> int:
    import numpy as np

    return int(np.frombuffer(thing, dtype=np.uint8).ctypes.data) if len(thing) else 0


def _child(length: int, *buffers: int) -> tuple[_Array, Any]:
    slots = (_PTR * (len(buffers) + 1))(None, *buffers)
    child = _Array(length=length, null_count=0, offset=0, n_buffers=len(slots), buffers=slots)
    child.release = _release_array
    return child, slots


def _fill_array(out: _Array, batch: LineBatch) -> None:
    length = len(batch.source)
    columns = (
        _child(length, batch.ends.ctypes.data, _address(batch.data)),
        _child(length, batch.source.ctypes.data),
        _child(length, batch.offset.ctypes.data),
    )
    children = [child for child, _ in columns]
    pointers = (ctypes.POINTER(_Array) * len(children))(*(ctypes.pointer(c) for c in children))
    slots = (_PTR * 1)(None)
    out.length, out.null_count, out.offset, out.n_buffers = length, 0, 0, 1
    out.n_children, out.buffers, out.children, out.dictionary = len(children), slots, pointers, None
    out.release, out.private_data = (
        _release_array,
        _keep((batch, columns, children, pointers, slots)),
    )


_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [_PTR, ctypes.c_char_p, _PTR]


class LineStream:
    """An Arrow stream of ``line``, ``source`` and ``pos`` that DuckDB reads once.

    An exception of the iterator stops the query; it is kept in ``error`` and to be raised by the
    caller, because DuckDB can carry only its text.
    """

    def __init__(self, batches: Iterator[LineBatch]) -> None:
        self._batches = batches
        self._message: Any = None
        self.error: BaseException | None = None
        self._stopped = False

    def stop(self) -> None:
        """End the stream at the next batch, whatever thread asks for one."""
        self._stopped = True

    def __arrow_c_schema__(self) -> Any:
        schema = _Schema()
        _fill_schema(schema)
        return self._capsule(schema, b"arrow_schema")

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        callbacks: tuple[Callable[..., Any], ...] = (
            _GET_SCHEMA(self._get_schema),
            _GET_NEXT(self._get_next),
            _GET_ERROR(self._get_error),
            _RELEASE_STREAM(self._release),
        )
        stream = _Stream(*callbacks)
        stream.private_data = _keep((self, callbacks))
        return self._capsule(stream, b"arrow_array_stream")

    def close(self) -> None:
        """Stop the iterator: an engine that ends early does not exhaust it."""
        close = getattr(self._batches, "close", None)
        if close is not None:
            close()

    def _capsule(self, struct: Any, name: bytes) -> Any:
        # The capsule does not own the structure: it must outlive the capsule, so it lives as long
        # as this object.
        self.__dict__.setdefault("_structs", []).append(struct)
        return _new_capsule(ctypes.addressof(struct), name, None)

    def _get_schema(self, _: Any, out: Any) -> int:
        _fill_schema(out.contents)
        return 0

    def _get_next(self, _: Any, out: Any) -> int:
        if self._stopped:
            self._message = ctypes.create_string_buffer(b"interrupted")
            return _EIO
        try:
            batch = next(self._batches, None)
        except BaseException as error:
            self.error = error
            self._message = ctypes.create_string_buffer(type(error).__name__.encode())
            return _EIO
        if batch is None:
            out.contents.release = _NO_ARRAY
        else:
            _fill_array(out.contents, batch)
        return 0

    def _get_error(self, _: Any) -> int:
        return ctypes.addressof(self._message) if self._message is not None else 0

    def _release(self, pointer: Any) -> None:
        stream = pointer.contents
        _alive.pop(stream.private_data or 0, None)
        stream.release = _NO_STREAM
