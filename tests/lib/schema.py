"""As much of JSON Schema as openapi.json uses; says where a value does not fit."""

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def _is(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def problems(value, schema, document, at="$"):
    """A list of sentences, empty when `value` fits."""
    if "$ref" in schema:
        target = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return problems(value, target, document, at)
    if "oneOf" in schema:
        fits = [s for s in schema["oneOf"] if not problems(value, s, document, at)]
        return [] if len(fits) == 1 else [f"{at}: fits {len(fits)} of oneOf"]
    found = []
    names = schema.get("type")
    if names is not None:
        names = [names] if isinstance(names, str) else names
        if not any(_is(value, n) for n in names):
            return [f"{at}: {type(value).__name__} where {'/'.join(names)} is described"]
    if "enum" in schema and value is not None and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is not in the enum")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                found.append(f"{at}: {name} is missing")
        extra = schema.get("additionalProperties", True)
        for name, member in value.items():
            if name in known:
                found += problems(member, known[name], document, f"{at}.{name}")
            elif extra is False:
                found.append(f"{at}: {name} is not described")
            elif isinstance(extra, dict):
                found += problems(member, extra, document, f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for i, member in enumerate(value):
            found += problems(member, schema["items"], document, f"{at}[{i}]")
    return found
