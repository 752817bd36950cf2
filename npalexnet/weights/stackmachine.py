"""Run a pickle on a stack machine that can only build plain values.

A pickle is a program. Its instructions push values on a stack, take some away, and push
what they make of them; STOP hands back what is on top. {"conv1.w": (96, 3)} is

    EMPTY_DICT                  {}
    SHORT_BINUNICODE "conv1.w"  {}  "conv1.w"
    BININT1 96                  {}  "conv1.w"  96
    BININT1 3                   {}  "conv1.w"  96  3
    TUPLE2                      {}  "conv1.w"  (96, 3)
    SETITEM                     {"conv1.w": (96, 3)}
    STOP

Where the count of values is not known before, MARK is pushed first, and the values down
to it are taken. PUT writes what is on top into a memo, GET pushes it again.
`python -m pickletools FILE` prints such a program.

Two instructions are why a stranger's pickle must never be given to Python's own
machine: GLOBAL fetches any function of any module, REDUCE calls it. In this machine,
GLOBAL knows the names in a list and pushes a `Name`, with nothing behind it; REDUCE
calls what the list says of it. `INSTRUCTIONS` has all that it can do.

Nor can a program wear it out. It has so many bytes and steps; values lie inside each
other so deep; a list or dictionary that was put into another one is finished, so none
gets into itself; keys are texts or small numbers, so that looking one up never walks
through a value; and no number is long enough to be slow.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any, NamedTuple

from npalexnet.system.errors import UserError
from npalexnet.weights.limits import Steps, short

MOST_BYTES = 2**24  # of a program
DEEPEST = 32  # containers inside of each other
MOST_BITS = 128  # of a whole number; PyTorch's magic number has 77
MOST_ARGUMENTS = 16  # of a function

Calls = Mapping[str, Callable[..., Any] | None]


class Name(NamedTuple):
    """What GLOBAL puts on the stack here: a name in the list, and nothing behind it."""

    text: str  # "module name"


def key(value: Any) -> str | int:
    """What may be looked up in a dictionary, as it is.

    Python's hash of a text is secret, and small numbers are their own: nobody can write
    a file in which all keys collide.

    Raises:
        TypeError: it is something else.
    """
    if type(value) is str or (type(value) is int and abs(value) < 2**60):
        return value
    raise TypeError(f"a key of a dictionary is {short(value)}")


def pair_up(items: list[Any]) -> dict[str | int, Any]:
    """key, value, key, value, ... as a dictionary.

    Raises:
        ValueError: the last value is missing.
    """
    return {key(k): v for k, v in zip(items[::2], items[1::2], strict=True)}


def ordered_dict(pairs: Any = ()) -> dict[str | int, Any]:
    """Empty, or (from Python 2) of a list of pairs.

    The list is used up: copied again and again it would fill the memory.
    """
    found = {key(k): value for k, value in pairs}
    if pairs:
        pairs.clear()
    return found


class Machine:
    """The stack machine.

    Args:
        file: holds the program, or several one after the other.
        calls: what stands for the functions of these names; None for a name that is
            only handed on. Any other name is refused.
        persistent: what BINPERSID makes of the value on top.
    """

    def __init__(
        self, file: IO[bytes], calls: Calls, persistent: Callable[[Any], Any]
    ) -> None:
        self.file, self.calls, self.persistent = file, calls, persistent
        self.steps = Steps()

    def run(self) -> Any:
        """Run one program; the file is left behind its last byte.

        Raises:
            UserError: it wants something else than plain values and tensors.
            one of raw.DAMAGED: it is no pickle, not a whole one, or wants too much.
        """
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # what lies under each MARK
        self.memo: dict[str | int, Any] = {}
        self.depths: dict[int, int] = {}  # of containers, by their id()
        self.finished: set[int] = set()  # containers that lie in another
        for code, argument, _ in pickletools.genops(self.file):
            self.steps.take()
            if code.name == "STOP":
                return self.stack.pop()
            instruction = INSTRUCTIONS.get(code.name)
            if instruction is None:
                raise UserError(
                    f"its pickle has the instruction {code.name}, which no file of "
                    "weights needs; nothing of it was run"
                )
            instruction(self, argument)
        raise EOFError("a pickle does not end")

    # ------------------------------------------------------------------ plain values

    def push(self, value: Any) -> None:
        """A constant, a text, or a number.

        Raises:
            ValueError: the number is too long.
        """
        if type(value) is int and value.bit_length() > MOST_BITS:
            raise ValueError("a number is too long")
        self.stack.append(value)

    def mark(self, _: None) -> None:
        """What follows belongs together.

        Raises:
            ValueError: too much of it is unfinished.
        """
        if len(self.below) == DEEPEST:
            raise ValueError("its values are nested too deeply")
        self.below.append(self.stack)
        self.stack = []

    def to_mark(self) -> list[Any]:
        """Take what was pushed since the last MARK."""
        items, self.stack = self.stack, self.below.pop()
        return items

    # -------------------------------------------------------------------- containers

    def new(self, container: Any, items: Iterable[Any] = ()) -> None:
        """Push a container that was just made, of these items."""
        self.depths[id(container)] = 1
        self.finished.discard(id(container))  # one that is gone may have had this id
        self.enter(container, items)
        self.stack.append(container)

    def enter(self, container: Any, items: Iterable[Any]) -> None:
        """May these items lie in this container? Say so before they do.

        Raises:
            ValueError: the container is finished, or they are too deep.
        """
        inner = [id(item) for item in items if type(item) in (tuple, list, dict)]
        self.finished.update(inner)
        if id(container) in self.finished:
            raise ValueError("a list or dictionary grows inside of another one")
        deepest = 1 + max((self.depths[i] for i in inner), default=0)
        if deepest > DEEPEST:
            raise ValueError("its values are nested too deeply")
        self.depths[id(container)] = max(deepest, self.depths[id(container)])

    def new_tuple(self, items: list[Any]) -> None:
        """Of these items."""
        self.new(tuple(items), items)

    def short_tuple(self, count: int) -> None:
        """Of the last one, two or three values."""
        items = self.stack[-count:]
        del self.stack[-count:]
        if len(items) < count:
            raise IndexError("a tuple of more than there is")
        self.new_tuple(items)

    def new_list(self, _: None) -> None:
        """LIST: of all since MARK."""
        items = self.to_mark()
        self.new(items, items)

    def new_dict(self, _: None) -> None:
        """DICT: of keys and values since MARK."""
        found = pair_up(self.to_mark())
        self.new(found, found.values())

    def append(self, items: list[Any]) -> None:
        """Put items into the list on top."""
        self.enter(self.stack[-1], items)
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Put keys and values into the dictionary on top."""
        self.enter(self.stack[-1], items[1::2])
        self.stack[-1].update(pair_up(items))

    def set_item(self, _: None) -> None:
        """SETITEM: one key, one value."""
        value = self.stack.pop()
        self.set_items([self.stack.pop(), value])

    # -------------------------------------------------------------------------- memo

    def put(self, place: int | None) -> None:
        """Remember what is on top, at a place or at the next free one."""
        self.memo[key(len(self.memo) if place is None else place)] = self.stack[-1]

    def get(self, place: int) -> None:
        """Push it again."""
        self.stack.append(self.memo[place])

    # --------------------------------------------------------------- names, and calls

    def name(self, text: str) -> None:
        """GLOBAL.

        Raises:
            UserError: the name is not in the list.
        """
        if text not in self.calls:
            raise UserError(
                f"it names {short(text.replace(' ', '.'))}, which no file of weights "
                "needs; nothing of it was run; save the weights alone, by "
                "torch.save(model.state_dict(), FILE)"
            )
        self.stack.append(Name(text))

    def name_on_stack(self, _: None) -> None:
        """STACK_GLOBAL: module and name are the last two values."""
        name, module = self.stack.pop(), self.stack.pop()
        if not (isinstance(module, str) and isinstance(name, str)):
            raise TypeError("a name is no text")
        self.name(f"{module} {name}")

    def call(self, _: None) -> None:
        """REDUCE: what stands for a function, with a tuple of arguments."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(arguments) is not tuple or len(arguments) > MOST_ARGUMENTS:
            raise TypeError("a function is called with something else than arguments")
        call = self.calls[function.text]
        if call is None:
            raise TypeError(f"{function.text} is no function")
        found = call(*arguments)
        if type(found) is dict:
            self.new(found, found.values())
        else:
            self.stack.append(found)

    def persist(self, _: None) -> None:
        """BINPERSID: something that lies outside of the pickle."""
        self.stack.append(self.persistent(self.stack.pop()))


NUMBERS = "BININT BININT1 BININT2 LONG1 LONG4 INT LONG BINFLOAT FLOAT".split()
TEXTS = (
    "STRING BINSTRING SHORT_BINSTRING BINUNICODE SHORT_BINUNICODE BINUNICODE8 UNICODE"
).split()

INSTRUCTIONS: dict[str, Callable[[Machine, Any], None]] = {
    "PROTO": lambda machine, version: None,
    "FRAME": lambda machine, size: None,
    **dict.fromkeys(NUMBERS + TEXTS, Machine.push),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "MARK": Machine.mark,
    "EMPTY_TUPLE": lambda machine, _: machine.new(()),
    "TUPLE1": lambda machine, _: machine.short_tuple(1),
    "TUPLE2": lambda machine, _: machine.short_tuple(2),
    "TUPLE3": lambda machine, _: machine.short_tuple(3),
    "TUPLE": lambda machine, _: machine.new_tuple(machine.to_mark()),
    "EMPTY_LIST": lambda machine, _: machine.new([]),
    "LIST": Machine.new_list,
    "APPEND": lambda machine, _: machine.append([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine.to_mark()),
    "EMPTY_DICT": lambda machine, _: machine.new({}),
    "DICT": Machine.new_dict,
    "SETITEM": Machine.set_item,
    "SETITEMS": lambda machine, _: machine.set_items(machine.to_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), Machine.get),
    "GLOBAL": Machine.name,
    "STACK_GLOBAL": Machine.name_on_stack,
    "REDUCE": Machine.call,
    # attributes of an OrderedDict, such as PyTorch's versions: passed over
    "BUILD": lambda machine, _: machine.stack.pop(),
    "BINPERSID": Machine.persist,
}
