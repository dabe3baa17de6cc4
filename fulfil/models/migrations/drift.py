"""Finds where the migrated database differs from the declared tables, by building both and comparing catalogues."""

from sqlalchemy import Connection, text

from fulfil.models.migrations.schema import declared_tables

REFERENCE_SCHEMA = "fulfil_declared"
ALEMBIC_TABLE = "alembic_version"

# One row per column, constraint and index: its owner, its name and its definition without the schema's name.
CATALOGUE = text("""
SELECT t.relname || '.' || a.attname AS name,
       'column ' || format_type(a.atttypid, a.atttypmod)
         || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
         || CASE WHEN a.attidentity <> '' THEN ' identity ' || a.attidentity::text ELSE '' END
         || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') AS definition
FROM pg_class t
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
WHERE t.relnamespace = to_regnamespace(:schema) AND t.relkind = 'r'
UNION ALL
SELECT t.relname || '.' || c.conname, pg_get_constraintdef(c.oid)
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
WHERE c.connamespace = to_regnamespace(:schema) AND c.contype IN ('p', 'u', 'f', 'c')
UNION ALL
SELECT t.relname || '.' || i.relname, pg_get_indexdef(x.indexrelid)
FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
WHERE t.relnamespace = to_regnamespace(:schema)
""")


def differences(connection: Connection) -> list[str]:
    """Sentences naming what is missing, unknown or different; the database is left as it was."""
    current = str(connection.scalar(text("SELECT current_schema()")))
    migrated = _catalogue(connection, current)
    try:
        connection.execute(text(f"CREATE SCHEMA {REFERENCE_SCHEMA}"))
        connection.execute(text(f"SET LOCAL search_path TO {REFERENCE_SCHEMA}"))
        declared_tables().create_all(connection)
        declared = _catalogue(connection, REFERENCE_SCHEMA)
    finally:
        connection.rollback()
    missing = [f"{name} is declared but not in the database" for name in declared.keys() - migrated.keys()]
    unknown = [f"{name} is in the database but not declared" for name in migrated.keys() - declared.keys()]
    changed = [
        f"{name} is declared as «{declared[name]}» but stands as «{migrated[name]}»"
        for name in declared.keys() & migrated.keys()
        if declared[name] != migrated[name]
    ]
    return sorted([*missing, *unknown, *changed])


def _catalogue(connection: Connection, schema: str) -> dict[str, str]:
    rows = connection.execute(CATALOGUE, {"schema": schema})
    return {
        row.name: row.definition.replace(f"{schema}.", "")
        for row in rows
        if not row.name.startswith(f"{ALEMBIC_TABLE}.")
    }
