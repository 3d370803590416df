#!/usr/bin/python3
"""Holds lines of JSON against a schema: validate.py SCHEMA < LINES

Prints how many lines there were for each alternative of the schema, by its title; or what is wrong, and exits with 1.
"""

import json
import sys

import jsonschema

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)

counts = {alternative["title"]: 0 for alternative in schema["oneOf"]}
for number, line in enumerate(sys.stdin, 1):
    value = json.loads(line)
    problems = {}
    for alternative in schema["oneOf"]:
        found = [error.message for error in jsonschema.Draft202012Validator(alternative).iter_errors(value)]
        if found:
            problems[alternative["title"]] = found
    fitting = [title for title in counts if title not in problems]
    if len(fitting) != 1:
        sys.exit(f"line {number} is {fitting or 'none of these'}: {line.strip()}\n{json.dumps(problems, indent=1)}")
    counts[fitting[0]] += 1
json.dump(counts, sys.stdout)
