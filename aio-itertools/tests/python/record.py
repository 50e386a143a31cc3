"""Records what Python's originals answer, for `tests/it/python.rs` to compare with.

    python3.13 -m venv v && v/bin/pip install aioitertools==0.13.0 aiostream==0.8.1
    v/bin/python record.py > answers.txt

A line is a name, what it was asked, and the answer as JSON; a line of a name alone
says that the library has it. Sets are sorted, tuples are lists.
"""

import asyncio
import builtins
import functools
import heapq
import inspect
import itertools
import json
import math
import operator
from collections import Counter

import aioitertools
import aioitertools.asyncio
import aioitertools.builtins
import aioitertools.itertools
import aioitertools.more_itertools
import aiostream
from aiostream import stream as s

# The builtins that make, take or consume an iterable.
BUILTINS = (
    "aiter all any anext dict enumerate filter frozenset iter list map max min next range "
    "reversed set sorted sum tuple zip"
).split()


def less_than_five(x):
    return x < 5


async def source(*values):
    for value in values:
        yield value


async def later(seconds, value):
    await asyncio.sleep(seconds)
    return value


async def fails(value):
    raise ValueError(value)


async def drain(iterable):
    return [item async for item in iterable]


def first(n, iterable):
    return list(itertools.islice(iterable, n))


def groups(pairs):
    return [[key, list(group)] for key, group in pairs]


def error(call):
    try:
        call()
    except Exception as raised:
        return type(raised).__name__
    return None


async def error_of(awaitable):
    try:
        return await awaitable
    except Exception as raised:
        return type(raised).__name__


def rows_of_cpython():
    yield "itertools.accumulate", "1 2 3 4 5", list(itertools.accumulate([1, 2, 3, 4, 5]))
    yield "itertools.accumulate", "max", list(itertools.accumulate([3, 4, 6, 2, 1, 9], max))
    yield "itertools.accumulate", "initial=100", list(itertools.accumulate([1, 2, 3], initial=100))
    yield "itertools.accumulate", "empty", list(itertools.accumulate([]))
    yield "itertools.batched", "ABCDEFG 3", list(itertools.batched("ABCDEFG", 3))
    yield "itertools.batched", "ABCDEFG 3 strict", error(
        lambda: list(itertools.batched("ABCDEFG", 3, strict=True))
    )
    yield "itertools.chain", "ABC DEF", list(itertools.chain("ABC", "DEF"))
    yield "itertools.chain.from_iterable", "ABC DEF", list(
        itertools.chain.from_iterable(["ABC", "DEF"])
    )
    yield "itertools.combinations", "ABCD 2", list(itertools.combinations("ABCD", 2))
    yield "itertools.combinations", "AB 3", list(itertools.combinations("AB", 3))
    yield "itertools.combinations", "AB 0", list(itertools.combinations("AB", 0))
    yield "itertools.combinations_with_replacement", "ABC 2", list(
        itertools.combinations_with_replacement("ABC", 2)
    )
    yield "itertools.compress", "ABCDEF 1 0 1 0 1 1", list(
        itertools.compress("ABCDEF", [1, 0, 1, 0, 1, 1])
    )
    yield "itertools.compress", "ABCDEF 1 0", list(itertools.compress("ABCDEF", [1, 0]))
    yield "itertools.count", "10", first(5, itertools.count(10))
    yield "itertools.count", "2.5 0.5", first(3, itertools.count(2.5, 0.5))
    yield "itertools.count", "0 -3", first(3, itertools.count(0, -3))
    yield "itertools.cycle", "ABCD", first(10, itertools.cycle("ABCD"))
    yield "itertools.cycle", "empty", first(10, itertools.cycle(""))
    yield "itertools.dropwhile", "<5", list(itertools.dropwhile(less_than_five, [1, 4, 6, 3, 8]))
    yield "itertools.filterfalse", "<5", list(
        itertools.filterfalse(less_than_five, [1, 4, 6, 3, 8])
    )
    yield "itertools.groupby", "AAAABBBCCDAABBB", groups(itertools.groupby("AAAABBBCCDAABBB"))
    for case, args in {
        "2": [2],
        "2 4": [2, 4],
        "2 None": [2, None],
        "0 None 2": [0, None, 2],
        "3 3": [3, 3],
        "1 100 3": [1, 100, 3],
    }.items():
        yield "itertools.islice", f"ABCDEFG {case}", list(itertools.islice("ABCDEFG", *args))
    yield "itertools.pairwise", "ABCDEFG", list(itertools.pairwise("ABCDEFG"))
    yield "itertools.pairwise", "A", list(itertools.pairwise("A"))
    yield "itertools.permutations", "ABCD 2", list(itertools.permutations("ABCD", 2))
    yield "itertools.permutations", "012", list(itertools.permutations(range(3)))
    yield "itertools.product", "ABCD xy", list(itertools.product("ABCD", "xy"))
    yield "itertools.product", "01 repeat=3", list(itertools.product(range(2), repeat=3))
    yield "itertools.product", "one empty", list(itertools.product("AB", ""))
    yield "itertools.repeat", "10 3", list(itertools.repeat(10, 3))
    yield "itertools.repeat", "10", first(2, itertools.repeat(10))
    yield "itertools.starmap", "pow", list(itertools.starmap(pow, [(2, 5), (3, 2), (10, 3)]))
    yield "itertools.takewhile", "<5", list(itertools.takewhile(less_than_five, [1, 4, 6, 3, 8]))
    yield "itertools.tee", "ABC 2", [list(branch) for branch in itertools.tee("ABC", 2)]
    yield "itertools.zip_longest", "ABCD xy -", list(
        itertools.zip_longest("ABCD", "xy", fillvalue="-")
    )

    yield "builtins.dict", "pairs", dict([("a", 1), ("b", 2), ("a", 3)])
    yield "builtins.list", "ABC", list("ABC")
    yield "builtins.set", "ABCA", sorted(set("ABCA"))
    yield "builtins.frozenset", "ABCA", sorted(frozenset("ABCA"))
    yield "builtins.tuple", "ABC", tuple("ABC")
    yield "builtins.max", "1 3 2", max([1, 3, 2])
    yield "builtins.max", "ties by length", max(["aa", "b", "cc"], key=len)
    yield "builtins.max", "default", max([], default=7)
    yield "builtins.min", "2 1 3", min([2, 1, 3])
    yield "builtins.min", "ties by length", min(["aa", "b", "c"], key=len)
    yield "builtins.min", "default", min([], default=7)
    yield "builtins.sorted", "3 1 2", sorted([3, 1, 2])
    yield "builtins.sorted", "stable by length", sorted(["bb", "a", "cc", "d"], key=len)
    yield "builtins.sum", "1 2 3", sum([1, 2, 3])
    yield "builtins.sum", "start=10", sum([1, 2, 3], 10)
    yield "builtins.zip", "ABC xy", list(zip("ABC", "xy"))
    yield "builtins.zip", "three", list(zip("ABC", "xyz", [1, 2, 3]))
    yield "builtins.zip", "strict", error(lambda: list(zip("ABC", "xy", strict=True)))
    yield "builtins.iter", "ABC", list(iter("ABC"))
    yield "builtins.next", "ABC", next(iter("ABC"))
    yield "functools.reduce", "-", functools.reduce(operator.sub, [10, 3, 2])
    yield "math.prod", "2 3 4", math.prod([2, 3, 4])
    yield "math.prod", "empty", math.prod([])
    yield "str.join", "a b c", ", ".join(["a", "b", "c"])
    yield "collections.Counter", "abca", dict(sorted(Counter("abca").items()))
    yield "heapq.merge", "three", list(heapq.merge([1, 4, 7], [2, 5, 8], [3, 6, 9]))
    yield "heapq.merge", "by length", list(heapq.merge(["a", "ccc"], ["bb", "ddd"], key=len))
    yield "heapq.nlargest", "2", heapq.nlargest(2, [3, 1, 4, 1, 5])
    yield "heapq.nlargest", "ties by length", heapq.nlargest(2, ["aa", "b", "cc", "dd"], key=len)
    yield "heapq.nsmallest", "2", heapq.nsmallest(2, [3, 1, 4, 1, 5])
    yield "heapq.nsmallest", "ties by length", heapq.nsmallest(2, ["aa", "b", "c", "d"], key=len)


async def rows_of_asyncio():
    yield "builtins.aiter", "ABC", await drain(aiter(source(*"ABC")))
    yield "builtins.anext", "ABC", await anext(aiter(source(*"ABC")))
    yield "asyncio.gather", "in order", await asyncio.gather(later(0.02, "a"), later(0.01, "b"))
    yield "asyncio.gather", "fails", await error_of(asyncio.gather(later(0.01, "a"), fails("no")))
    yield "asyncio.as_completed", "in time", [
        await done for done in asyncio.as_completed([later(0.04, "a"), later(0.01, "b")])
    ]
    tasks = [asyncio.create_task(later(0.01 + 0.1 * n, n)) for n in range(3)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    yield "asyncio.wait", "first", [[task.result() for task in done], len(pending)]
    done, pending = await asyncio.wait(pending)
    yield "asyncio.wait", "the rest", [sorted(task.result() for task in done), len(pending)]
    yield "asyncio.wait_for", "in time", await asyncio.wait_for(later(0.01, "a"), 1)
    yield "asyncio.wait_for", "late", await error_of(asyncio.wait_for(later(1, "a"), 0.01))
    cancelled = []

    async def sibling():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.append("sibling")
            raise

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(sibling())
            group.create_task(fails("no"))
            await asyncio.sleep(10)
    except* ValueError as group:
        yield "asyncio.TaskGroup", "fails", [[str(e) for e in group.exceptions], cancelled]


async def rows_of_aioitertools():
    it, more = aioitertools.itertools, aioitertools.more_itertools
    letters = "ABCD"
    yield "accumulate", "1 2 3", await drain(it.accumulate(source(1, 2, 3)))
    yield "batched", "ABCD 3", await drain(it.batched(source(*letters), 3))
    yield "chain", "AB CD", await drain(it.chain(source(*"AB"), source(*"CD")))
    yield "combinations", "ABCD 2", await drain(it.combinations(source(*letters), 2))
    yield "combinations_with_replacement", "AB 2", await drain(
        it.combinations_with_replacement(source(*"AB"), 2)
    )
    yield "compress", "ABCD 1 0 1 1", await drain(
        it.compress(source(*letters), source(1, 0, 1, 1))
    )
    yield "count", "5 2", await drain(it.islice(it.count(5, 2), 3))
    yield "cycle", "AB", await drain(it.islice(it.cycle(source(*"AB")), 5))
    yield "dropwhile", "<5", await drain(it.dropwhile(less_than_five, source(1, 6, 2)))
    yield "filterfalse", "<5", await drain(it.filterfalse(less_than_five, source(1, 6, 2)))
    yield "groupby", "AABA", [[k, list(g)] async for k, g in it.groupby(source(*"AABA"))]
    yield "islice", "ABCD 1 4 2", await drain(it.islice(source(*letters), 1, 4, 2))
    yield "permutations", "AB", await drain(it.permutations(source(*"AB")))
    yield "product", "AB xy", await drain(it.product(source(*"AB"), source(*"xy")))
    yield "repeat", "7 3", await drain(it.repeat(7, 3))
    yield "starmap", "pow", await drain(it.starmap(pow, source((2, 5), (3, 2))))
    yield "takewhile", "<5", await drain(it.takewhile(less_than_five, source(1, 6, 2)))
    first, second = it.tee(source(*"AB"), 2)
    yield "tee", "AB 2", [await drain(first), await drain(second)]
    yield "zip_longest", "AB x -", await drain(
        it.zip_longest(source(*"AB"), source("x"), fillvalue="-")
    )
    yield "iter", "AB", await drain(aioitertools.iter("AB"))
    yield "next", "AB", await aioitertools.next(aioitertools.iter("AB"))
    yield "list", "AB", await aioitertools.list(source(*"AB"))
    yield "tuple", "AB", await aioitertools.tuple(source(*"AB"))
    yield "set", "ABA", sorted(await aioitertools.set(source(*"ABA")))
    yield "max", "ties by length", await aioitertools.max(source("aa", "b", "cc"), key=len)
    yield "min", "ties by length", await aioitertools.min(source("aa", "b", "c"), key=len)
    yield "sum", "start=10", await aioitertools.sum(source(1, 2), 10)
    yield "zip", "AB xyz", await drain(aioitertools.zip(source(*"AB"), source(*"xyz")))
    yield "chunked", "ABCD 3", await drain(more.chunked(source(*letters), 3))
    before, after = await more.before_and_after(less_than_five, source(1, 2, 6, 3))
    yield "before_and_after", "<5", [await drain(before), await drain(after)]
    a = aioitertools.asyncio
    futures = [later(0.02, "a"), later(0.01, "b")]
    yield "asyncio.gather", "limit=1", await a.gather(*futures, limit=1)
    yield "asyncio.gather_iter", "in order", await a.gather_iter(
        source(*[later(0.02, "a"), later(0.01, "b")])
    )
    futures = [later(0.04, "a"), later(0.01, "b")]
    yield "asyncio.as_completed", "in time", await drain(a.as_completed(futures))
    yield "asyncio.as_generated", "all", sorted(
        await drain(a.as_generated([source(1, 2), source(3)]))
    )


async def rows_of_aiostream():
    letters = "ABCD"
    two = s.iterate([source(*"AB"), source(*"CD")])
    yield "accumulate", "1 2 3", await s.list(s.accumulate(source(1, 2, 3)))
    yield "chain", "AB CD", await s.list(s.chain(source(*"AB"), source(*"CD")))
    yield "chunks", "ABCD 3", await s.list(s.chunks(source(*letters), 3))
    yield "concat", "AB CD", await s.list(s.concat(two))
    yield "count", "5 2", await s.list(s.take(s.count(5, 2), 3))
    yield "cycle", "AB", await s.list(s.take(s.cycle(s.iterate("AB")), 5))
    yield "dropwhile", "<5", await s.list(s.dropwhile(source(1, 6, 2), less_than_five))
    yield "getitem", "1:4:2", await s.list(s.iterate(letters)[1:4:2])
    yield "iterate", "AB", await s.list(s.iterate("AB"))
    yield "list", "AB", await s.list(source(*"AB"))
    yield "merge", "all", sorted(await s.list(s.merge(source(1, 2), source(3))))
    yield "range", "1 8 3", await s.list(s.range(1, 8, 3))
    yield "reduce", "-", await s.reduce(source(10, 3, 2), operator.sub)
    yield "repeat", "7 3", await s.list(s.repeat(7, 3))
    yield "skiplast", "ABCD 3", await s.list(s.skiplast(source(*letters), 3))
    yield "starmap", "pow", await s.list(s.starmap(source((2, 5), (3, 2)), pow))
    yield "takelast", "ABCD 3", await s.list(s.takelast(source(*letters), 3))
    yield "takewhile", "<5", await s.list(s.takewhile(source(1, 6, 2), less_than_five))
    yield "until", ">=5", await s.list(s.until(source(1, 6, 2), lambda x: x >= 5))
    yield "zip", "AB xyz", await s.list(s.zip(source(*"AB"), source(*"xyz")))

    async def double(x):
        return await later(x / 20, x * 2)

    ordered = s.map(s.iterate([3, 1, 2]), double, ordered=True)
    yield "map", "ordered", await s.list(ordered)
    unordered = s.amap(s.iterate([3, 1, 2]), double, ordered=False)
    yield "amap", "unordered", await s.list(unordered)


def names():
    for name in dir(itertools):
        if not name.startswith("_"):
            yield f"itertools.{name}"
    for name in BUILTINS:
        assert hasattr(builtins, name)
        yield f"builtins.{name}"
    public = {"builtins", "itertools", "more_itertools", "asyncio"}
    for module in sorted(public):
        found = getattr(aioitertools, module)
        prefix = "aioitertools.asyncio." if module == "asyncio" else "aioitertools."
        for name, value in sorted(vars(found).items()):
            ours = getattr(value, "__module__", "") == found.__name__
            if callable(value) and ours and not name.startswith("_") and name[0].islower():
                yield prefix + name
    yield "aioitertools.chain"
    for name, value in sorted(vars(s).items()):
        if not name.startswith("_") and not inspect.ismodule(value):
            yield f"aiostream.{name}"


async def main():
    for name in names():
        print(name)
    for name, case, answer in rows_of_cpython():
        print(f"{name} | {case} | {json.dumps(answer)}")
    async for name, case, answer in rows_of_asyncio():
        print(f"{name} | {case} | {json.dumps(answer)}")
    async for name, case, answer in rows_of_aioitertools():
        print(f"aioitertools.{name} | {case} | {json.dumps(answer)}")
    async for name, case, answer in rows_of_aiostream():
        print(f"aiostream.{name} | {case} | {json.dumps(answer)}")


asyncio.run(main())
