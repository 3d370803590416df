#!/usr/bin/python3
"""Holds lines of JSON against a schema: validate.py SCHEMA < LINES

Prints how many lines there were for each alternative of the schema, by its title, and how often each field of it
occurred, by its path behind that; or what is wrong, and exits with 1.
"""

import json
import sys

import jsonschema


def fields(schema, value, path):
    """The path of each field that a schema names, and whether the value has it."""
    has = value if isinstance(value, dict) else {}
    named = schema.get("properties", {})
    for name, of_field in named.items():
        if of_field is not False:
            yield f"{path}.{name}", name in has
            yield from fields(of_field, has.get(name), f"{path}.{name}")
    of_others = schema.get("additionalProperties")
    if isinstance(of_others, dict):
        for other in [of_value for name, of_value in has.items() if name not in named] or [None]:
            yield from fields(of_others, other, f"{path}.*")


with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)

counts = {alternative["title"]: 0 for alternative in schema["oneOf"]}
for alternative in schema["oneOf"]:
    counts.update((path, 0) for path, _ in fields(alternative, None, alternative["title"]))
for number, line in enumerate(sys.stdin, 1):
    value = json.loads(line)
    problems, fitting = {}, []
    for alternative in schema["oneOf"]:
        found = [error.message for error in jsonschema.Draft202012Validator(alternative).iter_errors(value)]
        if found:
            problems[alternative["title"]] = found
        else:
            fitting.append(alternative)
    if len(fitting) != 1:
        titles = [alternative["title"] for alternative in fitting]
        sys.exit(f"line {number} is {titles or 'none of these'}: {line.strip()}\n{json.dumps(problems, indent=1)}")
    title = fitting[0]["title"]
    counts[title] += 1
    for path, is_there in fields(fitting[0], value, title):
        counts[path] += is_there
json.dump(counts, sys.stdout)
