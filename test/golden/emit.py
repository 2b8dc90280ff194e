"""Writes golden values as JSON: floats in full, small entries on one line each, long ones wrapped at 120 columns.

The layout is the one `biome format` makes, so regenerating a file leaves the formatter nothing to change.
"""

import json

import numpy as np

LINE_WIDTH = 120


def number(value):
    """Shortest text that reads back as the same number: up to 17 digits for float64, 9 for np.float32."""
    if isinstance(value, (int, np.integer)):
        return str(value)
    if not np.isfinite(value):
        raise ValueError(f"JSON has no {value}")
    text = str(value) if isinstance(value, np.float32) else repr(float(value))
    mantissa, _, exponent = text.partition("e")
    mantissa = mantissa[:-2] if mantissa.endswith(".0") else mantissa
    if mantissa == "-0":
        return "0"
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def is_number(value):
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def flat(value):
    """The value on one line."""
    if isinstance(value, dict):
        entries = ", ".join(f"{json.dumps(key)}: {flat(item)}" for key, item in value.items())
        return f"{{ {entries} }}" if value else "{}"
    if isinstance(value, (list, tuple, np.ndarray)):
        return "[" + ", ".join(flat(item) for item in value) + "]"
    return number(value) if is_number(value) else json.dumps(value)


def fill(items, indent):
    """Items packed into as few lines as fit the width."""
    lines = [indent]
    for position, item in enumerate(items):
        text = item + ("," if position < len(items) - 1 else "")
        if lines[-1] == indent:
            lines[-1] += text
        elif len(lines[-1]) + 1 + len(text) <= LINE_WIDTH:
            lines[-1] += " " + text
        else:
            lines.append(indent + text)
    return "\n".join(lines)


def pretty(value, indent="", before=0, after=0, expand=False):
    """The value over as many lines as it needs; `before` and `after` are the columns its neighbours take."""
    line = flat(value)
    container = isinstance(value, (dict, list, tuple, np.ndarray))
    if not container or not expand and before + len(line) + after <= LINE_WIDTH:
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        parts = []
        for position, (key, item) in enumerate(value.items()):
            head = f"{inner}{json.dumps(key)}: "
            parts.append(head + pretty(item, inner, len(head), position < len(value) - 1))
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    if all(is_number(item) for item in value):
        return "[\n" + fill([number(item) for item in value], inner) + f"\n{indent}]"
    parts = [inner + pretty(item, inner, len(inner), position < len(value) - 1) for position, item in enumerate(value)]
    return "[\n" + ",\n".join(parts) + f"\n{indent}]"


def emit(value):
    print(pretty(value, expand=True))
