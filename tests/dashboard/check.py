"""Checks a dashboard against Grafana's own types of one version, as its Foundation SDK has them.

    check.py DIRECTORY-OF-THE-SDK DASHBOARD.json

The SDK is generated from Grafana's schemas (dashboard, panel options and field options of each kind of
panel, queries of each data source). It reads anything, so this looks at what it made of it: a field that
does not come back is unknown, and a value is compared with the type its field has. Prints what is wrong, one
line each, and exits with 1; with 0 and one line when nothing is.
"""

import enum
import json
import sys
import types
import typing

# Written for an import by hand, and taken off by it: part of no schema.
OF_THE_IMPORT = "__requires"


def load(path):
    sys.path.insert(0, path)
    from grafana_foundation_sdk.cog import encoder, plugins
    from grafana_foundation_sdk.models import dashboard, units

    plugins.register_default_plugins()
    known = {value for name, value in vars(units).items() if name[0].isupper()}
    return dashboard.Dashboard, encoder.JSONEncoder, known


def lost(given, back, place):
    """What was given and did not come back as it was."""
    if isinstance(given, dict) and isinstance(back, dict):
        for name, value in given.items():
            if value is None:
                continue  # the same as nothing
            if name not in back:
                yield f"{place}.{name}: no such field"
            else:
                yield from lost(value, back[name], f"{place}.{name}")
    elif isinstance(given, list) and isinstance(back, list) and len(given) == len(back):
        for index, value in enumerate(given):
            yield from lost(value, back[index], f"{place}[{index}]")
    elif given != back:
        yield f"{place}: {given!r} is read as {back!r}"


def mistyped(value, hint, place):
    """What is not of its type."""
    origin, parameters = typing.get_origin(hint), typing.get_args(hint)
    if hint in (typing.Any, object):
        return
    if origin in (typing.Union, types.UnionType):
        of_each = [list(mistyped(value, one, place)) for one in parameters]
        if all(of_each):
            yield from min(of_each, key=len)
    elif origin is list:
        yield from of_list(value, parameters[0], place)
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no object"
        else:
            for name, member in value.items():
                yield from mistyped(member, parameters[1], f"{place}.{name}")
    elif origin is typing.Literal:
        if value not in parameters:
            yield f"{place}: {value!r} is none of {parameters}"
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        if value not in [member.value for member in hint]:
            yield f"{place}: {value!r} is no {hint.__name__}"
    elif hasattr(hint, "from_json"):
        yield from of_class(value, hint, place)
    elif not scalar(value, hint):
        yield f"{place}: {value!r} is no {getattr(hint, '__name__', hint)}"


def of_list(value, hint, place):
    if not isinstance(value, list):
        yield f"{place}: {value!r} is no list"
        return
    for index, member in enumerate(value):
        yield from mistyped(member, hint, f"{place}[{index}]")


def of_class(value, hint, place):
    if isinstance(value, dict):
        value = hint.from_json(value)
    if not isinstance(value, hint):
        yield f"{place}: {value!r} is no {hint.__name__}"
        return
    for name, member in typing.get_type_hints(type(value)).items():
        yield from mistyped(getattr(value, name), member, f"{place}.{name}")


def scalar(value, hint):
    if isinstance(value, bool) or value is None:
        return hint is bool and value is not None or hint is type(None) and value is None
    return isinstance(value, (int, float) if hint is float else hint)


def extras(given, dashboard, units):
    """The options of a panel by its kind, which the dashboard's type leaves open, and the units."""
    for panel, read in zip(given["panels"], dashboard.panels):
        place = panel["title"]
        if panel["type"] == "row":
            continue
        if isinstance(read.options, dict):
            yield f"{place}: there is no panel of type {panel['type']!r}"
            continue
        yield from of_class(read.options, type(read.options), f"{place}: options")
        custom = read.field_config.defaults.custom
        if custom:
            yield from of_class(custom, type(custom), f"{place}: fieldConfig.defaults.custom")
        for target in read.targets:
            yield from of_class(target, type(target), f"{place}: target {target.ref_id}")
        unit = read.field_config.defaults.unit
        if unit not in units:
            yield f"{place}: no unit {unit!r}"


def main():
    kind, encoder, units = load(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        given = json.load(file)
    given.pop(OF_THE_IMPORT)
    dashboard = kind.from_json(given)
    back = json.loads(json.dumps(dashboard, cls=encoder))
    wrong = [
        *lost(given, back, "dashboard"),
        *mistyped(dashboard, kind, "dashboard"),
        *extras(given, dashboard, units),
    ]
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(given['panels'])} panels are as they should be")


main()
