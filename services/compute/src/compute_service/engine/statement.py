"""Holds a statement against an allow-list on the engine's own parse tree.

The tree is DuckDB's, so there is no second parser to disagree with it. Every kind of node must be listed; a kind that
a later version adds is refused until somebody has looked at it.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import duckdb

from compute_service.engine.functions import FUNCTIONS, TABLE_FUNCTIONS
from compute_service.errors import StatementRefusedError
from servicekit.errors import Text

__all__ = ["MAX_SQL_CHARS", "Statement", "brief", "inspect_statement"]

MAX_SQL_CHARS = 100_000
_SHOWN_CHARS = 60

_QUERIES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_TABLES = frozenset({"BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION", "PIVOT"})
_PARTS = frozenset(
    {
        "ORDER_MODIFIER",
        "LIMIT_MODIFIER",
        "LIMIT_PERCENT_MODIFIER",
        "DISTINCT_MODIFIER",
        "ORDER_DEFAULT",
        "ASCENDING",
        "DESCENDING",
    }
)
_EXPRESSIONS = frozenset(
    {
        "BETWEEN",
        "CASE",
        "CAST",
        "COLLATE",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "LAMBDA",
        "LAMBDA_REF",
        "OPERATOR",
        "POSITIONAL_REFERENCE",
        "STAR",
        "SUBQUERY",
        "TYPE",
        "WINDOW",
    }
)
_DATASET = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that may run. `tables` are dataset ids it names, `strangers` names that cannot be a dataset."""

    tables: tuple[str, ...]
    strangers: tuple[str, ...] = ()


def inspect_statement(connection: duckdb.DuckDBPyConnection, sql: str) -> Statement:
    """Finds the tables of one SELECT.

    Raises:
        StatementRefusedError: not one SELECT, or a node, function or name that is not offered.
    """
    if len(sql) > MAX_SQL_CHARS:
        raise _refuse(
            f"The query has {len(sql)} characters; {MAX_SQL_CHARS} are allowed.",
            f"Kueri berisi {len(sql)} karakter; batasnya {MAX_SQL_CHARS}.",
        )
    if "\x00" in sql:
        raise _refuse("The query holds a null byte.", "Kueri berisi bita nol.")
    try:
        walk = _Walk()
        walk.query(_tree(connection, sql), frozenset())
    except RecursionError as error:
        raise _refuse("The query is nested too deeply.", "Kueri terlalu dalam bersarang.") from error
    return Statement(tuple(sorted(walk.tables)), tuple(sorted(walk.strangers)))


def _tree(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    try:
        statements = connection.extract_statements(sql)
    except (duckdb.Error, RuntimeError, UnicodeError) as error:
        raise _refuse(
            f"The query cannot be read: {brief(error)}", f"Kueri tidak terbaca: {brief(error)}"
        ) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise _refuse(
            f"One SELECT is wanted, not {len(statements) or 'no'} statement(s) of another kind.",
            "Yang diterima hanya satu SELECT.",
        )
    row = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    answer: dict[str, Any] = json.loads(row[0]) if row else {}
    if answer.get("error") is not False or len(answer.get("statements", ())) != 1:
        raise _refuse("Only a SELECT can be run.", "Hanya SELECT yang dapat dijalankan.")
    node: dict[str, Any] = answer["statements"][0]["node"]
    return node


class _Walk:
    """Goes through a tree once; names of common table expressions are no datasets where they are in sight."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.strangers: set[str] = set()

    def query(self, node: dict[str, Any], scope: frozenset[str]) -> None:
        if node.get("type") not in _QUERIES:
            raise _unknown(str(node.get("type")))
        if node["type"] == "RECURSIVE_CTE_NODE":
            scope |= {str(node.get("cte_name", "")).lower()}
        if node["type"] == "CTE_NODE":
            self.value(node.get("query"), scope)
            scope |= {str(node.get("cte_name", "")).lower()}
        for entry in (node.get("cte_map") or {}).get("map", ()):
            name = str(entry["key"]).lower()
            body = entry["value"]
            recursive = (body.get("query_node") or body.get("query", {}).get("node", {})).get("type")
            self.value(body, scope | {name} if recursive == "RECURSIVE_CTE_NODE" else scope)
            scope |= {name}
        for key, value in node.items():
            if key not in {"type", "cte_map"}:
                self.value(value, scope)

    def value(self, value: Any, scope: frozenset[str]) -> None:
        if isinstance(value, list):
            for item in value:
                self.value(item, scope)
        elif isinstance(value, dict):
            self._node(value, scope)

    def _node(self, node: dict[str, Any], scope: frozenset[str]) -> None:
        kind = node.get("type")
        if "class" in node:
            self._expression(node)
        elif isinstance(kind, str) and kind in _QUERIES:
            self.query(node, scope)
            return
        elif isinstance(kind, str) and kind in _TABLES and "alias" in node:
            self._table(kind, node, scope)
        elif kind is not None and not (isinstance(kind, str) and kind in _PARTS):
            # The type of a constant is a record of its own, with an id.
            if not (isinstance(kind, dict) and set(kind) <= {"id", "type_info"}):
                raise _unknown(kind if isinstance(kind, str) else "?")
            return
        for value in node.values():
            self.value(value, scope)

    def _expression(self, node: dict[str, Any]) -> None:
        if node["class"] not in _EXPRESSIONS:
            raise _unknown(str(node["class"]))
        if node["class"] in {"FUNCTION", "WINDOW"}:
            name = str(node.get("function_name", "")).lower()
            path = (node.get("qualified_name") or {}).get("path", [name])
            if (name not in FUNCTIONS and name not in TABLE_FUNCTIONS) or node.get("schema") or len(path) > 1:
                raise _refuse(
                    f"The function {name[:_SHOWN_CHARS]!r} is not offered.",
                    f"Fungsi {name[:_SHOWN_CHARS]!r} tidak tersedia.",
                )

    def _table(self, kind: str, node: dict[str, Any], scope: frozenset[str]) -> None:
        if kind == "TABLE_FUNCTION":
            name = str((node.get("function") or {}).get("function_name", "")).lower()
            if name not in TABLE_FUNCTIONS:
                raise _refuse(
                    f"The table function {name[:_SHOWN_CHARS]!r} is not offered; a query reads datasets only.",
                    f"Fungsi tabel {name[:_SHOWN_CHARS]!r} tidak tersedia; kueri hanya membaca dataset.",
                )
        if kind != "BASE_TABLE":
            return
        if node.get("at_clause") is not None:
            raise _refuse(
                "AT is not offered; name the snapshot in the request.",
                "AT tidak tersedia; sebutkan snapshot pada permintaan.",
            )
        path = (node.get("qualified_name") or {}).get("path") or [node.get("table_name", "")]
        qualified = bool(node.get("schema_name") or node.get("catalog_name") or len(path) > 1)
        name = str(node.get("table_name", "")).lower()
        if qualified:
            self.strangers.add(".".join(str(part) for part in path)[:_SHOWN_CHARS])
        elif name not in scope:
            (self.tables if _DATASET.fullmatch(name) else self.strangers).add(name[: _SHOWN_CHARS + 3])


def brief(error: Exception) -> str:
    """The beginning of an engine's message as one sentence: what is wrong, not how the engine is built."""
    text = " ".join(str(error).split("\n\nLINE", 1)[0].removeprefix("Parser Error: ").split())[:500]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _refuse(en: str, indonesian: str) -> StatementRefusedError:
    return StatementRefusedError(
        Text(en=en, id=indonesian),
        Text(
            en="Send one SELECT over datasets; see `lumbung datasets list`.",
            id="Kirim satu SELECT atas dataset; lihat `lumbung datasets list`.",
        ),
        field="sql",
    )


def _unknown(kind: str) -> StatementRefusedError:
    word = kind.removesuffix("_NODE").replace("_", " ").lower()
    return _refuse(f"A query may not use {word}.", f"Kueri tidak boleh memakai {word}.")
