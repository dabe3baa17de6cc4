"""The SQLite tables beside the objects: what waits to be delivered, secrets, answered keys, switches, used links."""

import json
import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, endpoint TEXT NOT NULL, state TEXT NOT NULL,
  not_before REAL NOT NULL, created REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, last_error TEXT);
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (state, not_before);
CREATE TABLE IF NOT EXISTS endpoint_secrets (endpoint TEXT NOT NULL, secret TEXT NOT NULL, valid_until REAL);
CREATE TABLE IF NOT EXISTS idempotency_keys (
  key TEXT PRIMARY KEY, line TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
  request_id TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS card_facts (
  payment_method TEXT NOT NULL, fact TEXT NOT NULL, PRIMARY KEY (payment_method, fact));
CREATE TABLE IF NOT EXISTS account_link_tokens (
  token TEXT PRIMARY KEY, account TEXT NOT NULL, expires_at REAL NOT NULL, opened INTEGER NOT NULL DEFAULT 0,
  session TEXT, link TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


def read_setting(connection: sqlite3.Connection, name: str) -> object:
    """A switch's JSON value; None when it was never set."""
    row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return json.loads(row[0]) if row else None


def write_setting(connection: sqlite3.Connection, name: str, value: object) -> None:
    """Keep a switch; None forgets it."""
    if value is None:
        connection.execute("DELETE FROM settings WHERE name = ?", (name,))
    else:
        connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))
