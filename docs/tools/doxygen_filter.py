"""doxygen_filter.py HEADER: prints it with the comments that the tree's headers have (plain `//`,
before a declaration or behind it) written as Doxygen wants them. Lines keep their numbers but for
the marks around code and sections.
"""

import pathlib
import re
import sys

COMMENT = re.compile(r"^(\s*)//(?!/)(.*)$")
SECTION = re.compile(r"^\s*// ---- (.*)$")
IGNORED = re.compile(r"//\s*(NOLINT.*|clang-format .*)$")
TRAILING = re.compile(r"^(.*[;,{}(].*?\S)\s*//(?!/)\s*(.*)$")
DECLARES = re.compile(r"\b(namespace|class|struct|enum|union|extern)\b[^()=]*$")
# The line of an elementwise operation (ops/unary.h, ops/binary.h and what they include), and the
# functions made of it.
INCLUDED = re.compile(r"^#include <weft/(ops/\w+\.h)>", re.M)
OPERATION = re.compile(r'^struct (\w+)[^{]*\{[^;]*?\*doc =\s*((?:"[^"]*"\s*)+)', re.M)
MADE_OF = r"((?:^//.*\n)?)^((?:inline|template)[^;{}]*\{[^{}]*op::%s\b)"
CLOSES = re.compile(r"^(};| (public|protected|private):)")


def escaped(text):
    """Doxygen's commands and HTML as plain characters, `code` as such."""
    text = re.sub(r"([\\@<>&#%])", r"\\\1", text)
    text = re.sub(r"(?<=[>)])::", r"\::", text)
    return re.sub(r"`([^`]*)`", r"<tt>\1</tt>", text)


def with_operations(text):
    """Functions that have no comment get what their operation says of itself."""
    root = pathlib.Path(__file__).parents[2]
    included = "".join((root / name).read_text() for name in INCLUDED.findall(text))
    for name, doc in OPERATION.findall(text + included):
        line = "// " + "".join(re.findall(r'"([^"]*)"', doc))
        text = re.sub(
            MADE_OF % name, lambda m: m[0] if m[1] else f"{line}\n{m[2]}", text, flags=re.M
        )
    return text


class Scopes:
    """Which braces are open, and whether all of them hold declarations."""

    def __init__(self):
        self.open, self.text = [], ""

    def declarative(self):
        return all(self.open)

    def feed(self, line):
        line = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])\'', '""', line)
        if line.lstrip().startswith("#"):
            return
        for char in line + "\n":
            if char == "{":
                self.open.append(bool(DECLARES.search(self.text)))
                self.text = ""
            elif char == "}":
                if self.open:
                    self.open.pop()
                self.text = ""
            elif char == ";":
                self.text = ""
            else:
                self.text += char


def documentation(lines, indent, first):
    """A block of comment lines as a Doxygen comment; what is indented in it is code."""
    out, code = [], False
    prose = any("`" in line for line in lines if line.startswith("   "))
    for line in lines:
        body = line[1:] if line.startswith(" ") else line
        is_code = body.startswith("  ") and not prose
        if is_code and not code:
            out.append("@code{.cpp}")
        if code and not is_code and body.strip():
            out.append("@endcode")
        if is_code or body.strip():
            code = is_code
        out.append(body[2:] if code else escaped(body))
    if code:
        out.append("@endcode")
    return [f"{indent}/// {line}".rstrip() for line in first + out]


def block_at(lines, start):
    """The comment lines that begin at `start`, without their slashes, and where they end."""
    found, end = [], start
    while end < len(lines) and (match := COMMENT.match(lines[end])):
        if SECTION.match(lines[end]) and end > start:
            break
        if not IGNORED.search(lines[end]):
            found.append(match[2])
        end += 1
    return found, end


def converted(lines):
    out, scopes, section, column, at = [], Scopes(), False, None, 0
    while at < len(lines):
        line = lines[at]
        comment = COMMENT.match(line)
        if comment and scopes.declarative():
            if title := SECTION.match(line):
                out += ["  ///@}"] * section + [f"  /// @name {escaped(title[1])}", "  ///@{"]
                section, at = True, at + 1
                continue
            if column is not None and len(comment[1]) == column:  # goes on from the line above
                out.append(f"{comment[1]}///< {escaped(comment[2].strip())}")
                at += 1
                continue
            block, end = block_at(lines, at)
            following = lines[end] if end < len(lines) else ""
            if following.startswith("namespace"):
                out += documentation(block, comment[1], ["@file"])
            elif following.strip() and block:
                out += documentation(block, comment[1], [])
            at = end
            continue
        column = None
        if section and CLOSES.match(line):
            out.append("  ///@}")
            section = False
        line = IGNORED.sub("", line).rstrip()
        trailing = TRAILING.match(line)
        code = trailing[1] if trailing else line
        scopes.feed(re.sub(r"//.*", "", line))
        if trailing and scopes.declarative():
            column = line.index("//", len(trailing[1]))
            if line.lstrip().startswith(("class ", "struct ")):
                out += [f"/// {escaped(trailing[2])}", code]
            else:
                out.append(f"{code}  ///< {escaped(trailing[2])}")
        else:
            out.append(line)
        at += 1
    return out


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as header:
        print("\n".join(converted(with_operations(header.read()).splitlines())))
