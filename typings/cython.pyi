"""The C types our annotations use, as mypy should read them. The interpreter never imports this."""

import builtins
from typing import Any, TypeAlias

bint: TypeAlias = bool
uchar: TypeAlias = builtins.int
ushort: TypeAlias = builtins.int
int: TypeAlias = builtins.int
uint: TypeAlias = builtins.int
long: TypeAlias = builtins.int
ulong: TypeAlias = builtins.int
longlong: TypeAlias = builtins.int
ulonglong: TypeAlias = builtins.int
size_t: TypeAlias = builtins.int
Py_ssize_t: TypeAlias = builtins.int
double: TypeAlias = float
p_uchar: TypeAlias = Any
p_const_uchar: TypeAlias = Any
