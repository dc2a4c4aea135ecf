# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds answers of the server against an OpenAPI document. Standard library only.

The document is read strictly: an object schema that lists properties allows no others unless it says
additionalProperties; a status or a media type that is not listed is an error.
"""
import re

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
KNOWN = {"type", "enum", "const", "pattern", "minimum", "maximum", "maxLength", "minLength", "maxItems", "minItems", "items",
         "properties", "required", "additionalProperties", "anyOf", "oneOf", "format", "$ref", "description", "default",
         "contentEncoding"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


class Document:
    def __init__(self, doc):
        self.doc = doc
        self.seen = {}  # operationId -> set of statuses
        self.errors = []

    # ---- schemas

    def is_type(self, value, name):
        if name == "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        if name == "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        return isinstance(value, TYPES[name])

    def wrong(self, value, schema, where="$"):
        """What does not fit, as a list of texts."""
        unknown = set(schema) - KNOWN
        if unknown:
            return ["%s: the test does not understand %s" % (where, sorted(unknown))]
        if "$ref" in schema:
            target = self.doc
            for part in schema["$ref"][2:].split("/"):
                target = target[part]
            return self.wrong(value, target, where)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                tries = [self.wrong(value, s, where) for s in schema[word]]
                good = sum(not t for t in tries)
                if good == 0 or (word == "oneOf" and good > 1):
                    return min(tries, key=len) or ["%s: fits several of oneOf" % where]
        types = schema.get("type")
        types = [types] if isinstance(types, str) else types
        if types and not any(self.is_type(value, t) for t in types):
            return ["%s: %r is not %s" % (where, value, " or ".join(types))]
        out = []
        if "enum" in schema and value not in schema["enum"]:
            out.append("%s: %r is none of %s" % (where, value, schema["enum"]))
        if "const" in schema and value != schema["const"]:
            out.append("%s: %r is not %r" % (where, value, schema["const"]))
        if isinstance(value, str):
            if "pattern" in schema and not re.search(schema["pattern"], value):
                out.append("%s: %r does not match %s" % (where, value, schema["pattern"]))
            if schema.get("format") == "date-time" and not TIME.match(value):
                out.append("%s: %r is no time" % (where, value))
            if len(value) > schema.get("maxLength", len(value)) or len(value) < schema.get("minLength", 0):
                out.append("%s: a length of %d" % (where, len(value)))
        if self.is_type(value, "integer"):
            if value < schema.get("minimum", value) or value > schema.get("maximum", value):
                out.append("%s: %d is out of range" % (where, value))
        if isinstance(value, list):
            if len(value) > schema.get("maxItems", len(value)) or len(value) < schema.get("minItems", 0):
                out.append("%s: %d items" % (where, len(value)))
            for i, item in enumerate(value):
                out += self.wrong(item, schema.get("items", {}), "%s[%d]" % (where, i))
        if isinstance(value, dict):
            out += self.wrong_object(value, schema, where)
        return out

    def wrong_object(self, value, schema, where):
        props = schema.get("properties", {})
        more = schema.get("additionalProperties", "properties" not in schema)
        out = ["%s: %s is missing" % (where, k) for k in schema.get("required", []) if k not in value]
        for key, item in value.items():
            if key in props:
                out += self.wrong(item, props[key], "%s.%s" % (where, key))
            elif isinstance(more, dict):
                out += self.wrong(item, more, "%s.%s" % (where, key))
            elif not more:
                out.append("%s: %s is not in the document" % (where, key))
        return out

    # ---- operations

    def operation(self, method, path):
        path = path.split("?")[0]
        for pattern, ops in self.doc["paths"].items():
            if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", pattern.replace(".", r"\.")), path) and method.lower() in ops:
                # A literal segment goes before a parameter.
                if "{" not in pattern or path not in self.doc["paths"]:
                    return ops[method.lower()]
        return None

    def operations(self):
        for path, ops in self.doc["paths"].items():
            for method, op in ops.items():
                yield method.upper(), path, op

    def take(self, method, path, body, answer):
        """Note and judge one answer; everything that was asked comes through here."""
        op = self.operation(method, path)
        if op is None:
            return
        self.seen.setdefault(op["operationId"], set()).add(answer.status)
        said = "%s %s -> %d" % (method, path, answer.status)
        spec = op["responses"].get(str(answer.status))
        if spec is None:
            self.errors.append("%s: this status is not in the document: %s" % (said, answer))
            return
        if "content" not in spec:
            if answer.body:
                self.errors.append("%s: a body where none is promised" % said)
            return
        media = answer.headers.get("content-type", "")
        if media not in spec["content"]:
            self.errors.append("%s: the media type %s is not in the document" % (said, media))
        elif media != "text/event-stream":
            for text in self.wrong(answer.json, spec["content"][media]["schema"])[:3]:
                self.errors.append("%s: %s" % (said, text))

    def missing(self):
        """Operations that no good, or no refused, request was made of."""
        out = []
        for _, _, op in self.operations():
            got = self.seen.get(op["operationId"], set())
            if not any(s < 400 for s in got):
                out.append(op["operationId"] + " (good)")
            if not any(s >= 400 for s in got):
                out.append(op["operationId"] + " (bad)")
        return out
