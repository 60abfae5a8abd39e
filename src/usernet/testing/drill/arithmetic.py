"""The shell's arithmetic, ``$((...))``: 64 bits, signed, and never longer at it than the text is long."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Final

from .errors import Unsupported

_BITS: Final = 64


def _divide(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _power(a: int, b: int) -> int:
    if b < 0:
        raise ValueError("an exponent below 0")
    return pow(a, b, 1 << _BITS)


_BINARY: Final[dict[type[ast.operator], Callable[[int, int], int]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divide,
    ast.Mod: lambda a, b: a - b * _divide(a, b),
    ast.Pow: _power,
    # As processors do, and so the shell: the count is taken by its low six bits.
    ast.LShift: lambda a, b: a << (b & _BITS - 1),
    ast.RShift: lambda a, b: a >> (b & _BITS - 1),
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_UNARY: Final[dict[type[ast.unaryop], Callable[[int], int]]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}
_COMPARE: Final[dict[type[ast.cmpop], Callable[[int, int], bool]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def arithmetic(text: str) -> int:
    """The value. Raises Unsupported for what is no such expression, or divides by zero."""
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ArithmeticError, ValueError, RecursionError, MemoryError):
        raise Unsupported(f"the arithmetic $(({text}))") from None


def _value(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int(number)):
            found = number
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            found = _BINARY[type(op)](_value(left), _value(right))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            found = _UNARY[type(op)](_value(operand))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            found = int(_COMPARE[type(op)](_value(left), _value(right)))
        case _:
            raise ValueError("no arithmetic")
    half = 1 << _BITS - 1
    return (found + half) % (2 * half) - half
