# SPDX-License-Identifier: Apache-2.0
"""Fields that hold others: between the server and a worker are their leaves ("person.age"), and a list of maps is the
first dimension of each. A function gets and returns dicts, or lists of dicts."""
from firn_worker import values


def has_maps(fields):
    return any(field.maps for field in fields)


def children(fields, depth):
    """What lies `depth` maps deep: (name, its leaves, its Map or None), in order."""
    at = 0
    while at < len(fields):
        field, end = fields[at], at + 1
        if len(field.maps) == depth:
            yield field.own, [field], None
        else:
            name = field.maps[depth].name
            while end < len(fields) and len(fields[end].maps) > depth and fields[end].maps[depth].name == name:
                end += 1
            yield name, fields[at:end], field.maps[depth]
        at = end


# --- to the function ---


def nest(leaves, fields, depth=0):
    """{"person.age": 3} as {"person": {"age": 3}}; leaves that were not given are left out."""
    made = {}
    for name, inside, kind in children(fields, depth):
        given = [field for field in inside if leaves.get(field.name) is not None]
        if not given:
            continue
        if kind is None:
            made[name] = leaves[inside[0].name]
        elif kind.size is None:
            made[name] = nest(leaves, given, depth + 1)
        else:
            made[name] = [nest({field.name: leaves[field.name][i] for field in given}, given, depth + 1)
                          for i in range(len(leaves[given[0].name]))]
    return made


# --- from the function ---


def path_of(field, depth):
    return ".".join([inside.name for inside in field.maps[:depth]])


def keys_check(found, fields, depth):
    """A map with all its fields and no more."""
    where = "\"%s\"" % path_of(fields[0], depth)
    if not hasattr(found, "keys"):
        raise values.ValueFault("output %s is %s, not a dict" % (where, values.type_name(found)))
    wanted = [name for name, _, _ in children(fields, depth)]
    missing = [name for name in wanted if name not in found]
    more = [str(name) for name in found.keys() if name not in wanted]
    if missing:
        raise values.ValueFault("output %s has no \"%s\"" % (where, "\", \"".join(missing)))
    if more:
        raise values.ValueFault("output %s has \"%s\", which the contract does not have (it has \"%s\")" % (
            where, "\", \"".join(more), "\", \"".join(wanted)))


def gather(found, fields, depth, pieces, sizes, plain):
    for name, inside, kind in children(fields, depth):
        value = found[name]
        if kind is None:
            pieces[inside[0].name].append(plain(value, inside[0]))
            continue
        items = [value]
        if kind.size is not None:
            if not isinstance(value, (list, tuple)):
                raise values.ValueFault("output \"%s\" is %s, not a list of dicts" % (
                    path_of(inside[0], depth + 1), values.type_name(value)))
            items = value
            path = path_of(inside[0], depth + 1)
            if sizes.setdefault(path, len(items)) != len(items):
                raise values.ValueFault("output \"%s\" has lists of %d and of %d dicts" % (path, sizes[path], len(items)))
        for item in items:
            keys_check(item, inside, depth + 1)
            gather(item, inside, depth + 1, pieces, sizes, plain)


def join(field, pieces, sizes):
    """The pieces of a leaf, one for each map, as one value."""
    lists = [sizes.get(path_of(field, i + 1), 0) for i, kind in enumerate(field.maps) if kind.size is not None]
    if not lists:
        return pieces[0]
    numpy = values.numpy
    if not pieces and numpy is not None:
        own = [0 if dim < 0 else dim for dim in (field.shape or ())[len(lists):]]
        return numpy.empty(lists + own, dtype=values.numpy_type(field))
    if numpy is not None and all(isinstance(piece, (numpy.ndarray, numpy.generic)) for piece in pieces):
        if len({(piece.shape, piece.dtype) for piece in pieces}) > 1:
            raise values.ValueFault("output \"%s\" has arrays of different shapes or types in its list" % field.name)
        joined = numpy.stack(pieces)
        return joined.reshape(lists + list(joined.shape[1:]))
    pieces = [piece.tolist() if hasattr(piece, "tolist") else piece for piece in pieces]
    for size in reversed(lists[1:]):
        pieces = [pieces[i:i + size] for i in range(0, len(pieces), size)] if size else [[] for _ in range(lists[0])]
    return pieces


def flatten(outputs, fields, plain=lambda value, field: value):
    """{"person": {"age": 3}} as {"person.age": 3}; what is no map is left as it is. `plain`: of a value in a map."""
    made, pieces, sizes = dict(outputs), {field.name: [] for field in fields}, {}
    for name, inside, kind in children(fields, 0):
        if kind is None or name not in made:
            continue
        gather({name: made.pop(name)}, inside, 0, pieces, sizes, plain)
        for field in inside:
            made[field.name] = join(field, pieces[field.name], sizes)
    return made
