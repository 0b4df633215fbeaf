"""JSON Schema as we want it: made by msgspec out of Structs, and freed of what Litestar leaves behind."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeGuard

import msgspec

Document = dict[str, Any]

REF: Final = "#/components/schemas/{name}"
_BOUNDS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_NOISE: Final[tuple[tuple[str, object], ...]] = (
    ("deprecated", False),
    ("allowEmptyValue", False),
    ("allowReserved", False),
    ("headers", {}),
)


def schemas_of(shapes: Iterable[Any]) -> dict[str, Document]:
    """The schema of every Struct among *shapes*, by its name; msgspec keeps docstrings and exact bounds."""
    structs = {shape for shape in shapes if _is_struct(shape)}
    ordered = sorted(structs, key=lambda struct: struct.__qualname__)
    _, found = msgspec.json.schema_components(ordered, ref_template=REF)
    return {name: _finished(schema) for name, schema in found.items()}


def schema_of(shape: object) -> Document:
    """A reference to the schema of a Struct; any other shape is text."""
    return {"$ref": REF.format(name=shape.__name__)} if _is_struct(shape) else {"type": "string"}


def paragraphs(text: str) -> str:
    """A docstring as the contract shows it: without the wraps of the source, its code in single backquotes."""
    parts = inspect.cleandoc(text).replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in parts)


def _finished(schema: Document) -> Document:
    """Its docstring without the wraps of the source, and instants marked as such: by house rule they are named …_at."""
    if text := schema.get("description"):
        schema["description"] = paragraphs(text)
    for name, property_ in schema.get("properties", {}).items():
        for choice in property_.get("anyOf", [property_]):
            if name.endswith("_at") and choice == {"type": "string"}:
                choice["format"] = "date-time"
    return schema


def never_null(schema: Document) -> Document:
    """A parameter may be absent, and is never null: null is Python's word for absent."""
    choices = [choice for choice in schema.pop("oneOf", [{}]) if choice != {"type": "null"}]
    schema = (choices[0] if len(choices) == 1 else {"oneOf": choices}) | schema
    schema.pop("description", None)  # the parameter says it
    if isinstance(schema.get("type"), list):
        schema["type"] = next(kind for kind in schema["type"] if kind != "null")
        schema["enum"] = [one for one in schema["enum"] if one is not None]
    return schema


def plain(node: object) -> object:
    """The same without what Litestar leaves behind: bounds as floats, a choice of one, words for nothing."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"oneOf"} and len(node["oneOf"]) == 1:
        return plain(node["oneOf"][0])
    kept = {name: plain(value) for name, value in node.items() if (name, value) not in _NOISE}
    choices = kept.get("enum")
    if "type" not in kept and isinstance(choices, list) and all(isinstance(choice, str) for choice in choices):
        kept["type"] = "string"
    return {
        name: int(v) if name in _BOUNDS and isinstance(v, float) and v.is_integer() else v for name, v in kept.items()
    }


def drop_unused(document: Document) -> None:
    """Remove the schemas that nothing refers to: what Litestar made and msgspec made again."""
    schemas: dict[str, Document] = document["components"]["schemas"]
    while unused := schemas.keys() - {reference.rpartition("/")[2] for reference in _references(document)}:
        for name in unused:
            del schemas[name]


def _references(node: object) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _references(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            else:
                yield from _references(value)


def _is_struct(shape: object) -> TypeGuard[type[msgspec.Struct]]:
    return inspect.isclass(shape) and issubclass(shape, msgspec.Struct)
