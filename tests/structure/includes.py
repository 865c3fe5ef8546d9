"""What a file uses of the standard library it includes, itself or by headers of the tree: what other
headers of a compiler's library bring along differs from version to version."""

import functools
import re

import tree

ALGORITHMS = (
    "all_of any_of binary_search clamp copy copy_n count count_if equal fill fill_n find find_if for_each "
    "lower_bound max_element min_element none_of nth_element partial_sort remove_if reverse rotate search "
    "sort stable_sort transform unique upper_bound"
).split()
USES = {
    "algorithm": rf"ranges::\w+\(|(?:{'|'.join(ALGORITHMS)})\(",
    "array": "array<",
    "atomic": "atomic<|atomic_",
    "bit": r"bit_cast<|bit_ceil\(|bit_width\(|countr_zero\(|popcount\(",
    "cmath": r"(?:ceil|cos|erf|exp|fabs|floor|fma|isfinite|isinf|isnan|log|log1p|lround|pow|round|sin|sqrt|tanh)\(",
    "condition_variable": "condition_variable",
    "cstdint": r"u?int(?:8|16|32|64|ptr)_t",
    "cstdlib": r"(?:abort|free|getenv|malloc|strtod|strtol|strtoll)\(",
    "cstring": r"(?:memcmp|memcpy|memmove|memset|strchr|strcmp|strlen|strncpy|strstr)\(",
    "fstream": "[io]?fstream",
    "functional": r"function<|hash<",
    "limits": "numeric_limits<",
    "map": "(?:multi)?map<",
    "memory": r"(?:shared|unique|weak)_ptr<|make_(?:shared|unique)",
    "mutex": r"(?:recursive_)?mutex|lock_guard|unique_lock|call_once|once_flag",
    "numeric": r"(?:accumulate|gcd|iota|lcm)\(",
    "optional": "optional<|nullopt",
    "random": r"random_device|mt19937",
    "set": "(?:multi)?set<",
    "sstream": r"[io]?stringstream",
    "thread": "thread|this_thread",
    "unordered_map": "unordered_map<",
    "unordered_set": "unordered_set<",
    "utility": r"exchange\(",
    "variant": "variant<|visit\\(",
    "vector": "vector<",
}
USES = {header: re.compile(rf"\bstd::(?:{use})") for header, use in USES.items()}


@functools.cache
def direct(path):
    return [target for quote, target in tree.includes(path)]


def seen(path, through):
    """The headers of others that a file includes, and those that the tree's own headers include."""
    for target in direct(path):
        own = tree.ROOT / target.removeprefix("weft/")
        if not target.startswith("weft/") or not own.is_file():
            yield target
        elif own not in through:
            through.add(own)
            yield from seen(own, through)


def offences_of(path):
    text, headers = path.read_text(), set(seen(path, {path}))
    for header, use in USES.items():
        if header not in headers and (found := use.search(text)):
            yield f"{tree.name(path)}: uses {found[0]} without #include <{header}>"


checked = [p for p in tree.files("*.h", "*.cpp", "*.cu")]
tree.report([o for p in checked for o in offences_of(p)], checked)
